import { isIP } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkServerIdentity } from 'node:tls';
import grpcGossip from '@eventstore/db-client/generated/gossip_grpc_pb.js';
import gossip from '@eventstore/db-client/generated/gossip_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import { ChannelCredentials, type ChannelOptions, Metadata } from '@grpc/grpc-js';
import type { Endpoint, NodePreference } from '../../platform/event-store-url.js';
import { failureText } from './failures.js';
import type { Target } from './target.js';

/** Address, credentials and options of a gRPC client. */
export interface Channel {
  readonly address: string;
  readonly credentials: ChannelCredentials;
  readonly options: ChannelOptions;
}

/** The TLS server name for a node that is known by its IP address only; no host can have it (`.invalid`, RFC 6761). */
const noServerName = 'eventstoredb.invalid';
/** EventStoreDB stores events of at most 16 MiB. */
const maxMessageBytes = 17 * 1024 * 1024;

/** How to reach one node. */
export function channelTo(node: Endpoint, target: Target): Channel {
  const { keepAliveIntervalMs, keepAliveTimeoutMs } = target;
  const options: ChannelOptions = {
    'grpc.keepalive_time_ms': keepAliveIntervalMs < 0 ? Number.MAX_VALUE : keepAliveIntervalMs,
    'grpc.keepalive_timeout_ms': keepAliveTimeoutMs < 0 ? Number.MAX_VALUE : keepAliveTimeoutMs,
    'grpc.max_receive_message_length': maxMessageBytes,
    // Without it, a new client would get the connection of a client that was given up.
    'grpc.use_local_subchannel_pool': 1,
  };
  const address = addressOf(node);
  if (target.tls === undefined) return { address, credentials: ChannelCredentials.createInsecure(), options };
  const { ca, key, certificate } = target.tls;
  if (isIP(node.host) === 0) {
    const named = ChannelCredentials.createSsl(ca ?? null, key ?? null, certificate ?? null);
    return { address, credentials: named, options };
  }
  // grpc-js passes the host to TLS as server name, which must not be an IP address (RFC 6066): Node 26 refuses it.
  const byAddress = ChannelCredentials.createSsl(ca ?? null, key ?? null, certificate ?? null, {
    checkServerIdentity: (_, presented) => checkServerIdentity(node.host, presented),
  });
  return {
    address,
    credentials: byAddress,
    options: { ...options, 'grpc.ssl_target_name_override': noServerName },
  };
}

/** The metadata of every call: who calls, and whether only the leader may answer. */
export function metadataOf(target: Target): Metadata {
  const metadata = new Metadata();
  metadata.set('connection-name', target.connectionName);
  if (target.requiresLeader) metadata.set('requires-leader', 'true');
  // Without TLS the password would be sent as plain text, and EventStoreDB does not ask for one.
  if (target.credentials !== undefined && target.tls !== undefined) {
    const { user, password } = target.credentials;
    metadata.set('authorization', `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`);
  }
  return metadata;
}

/** `host:port`. */
export function addressOf({ host, port }: Endpoint): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * The node to use: the only one, or the preferred one of the cluster, found by gossip.
 * @throws {Error} when no seed reports a usable node, or the signal aborts.
 */
export async function findNode(target: Target, signal: AbortSignal): Promise<Endpoint> {
  if (!target.isCluster) return target.hosts[0];
  let reason = '';
  for (let attempt = 1; attempt <= target.maxDiscoverAttempts; attempt++) {
    // An abort signal that has fired already does not cancel a call that begins later.
    signal.throwIfAborted();
    const found = new AbortController();
    try {
      // All seeds at once: one that does not answer would otherwise delay the search by its whole timeout.
      return await Promise.any(
        target.hosts.map((seed) => nodeReportedBy(seed, target, AbortSignal.any([signal, found.signal]))),
      );
    } catch (error) {
      reason =
        error instanceof AggregateError ? error.errors.map(failureText).join('; ') : failureText(error);
    } finally {
      found.abort();
    }
    await sleep(target.discoveryIntervalMs, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
  throw new Error(`no node of the cluster can be used (${reason})`);
}

async function nodeReportedBy(seed: Endpoint, target: Target, signal: AbortSignal): Promise<Endpoint> {
  const where = addressOf(seed);
  const members = await clusterMembers(target, seed, signal).catch((error: unknown) => {
    throw new Error(`${where}: ${failureText(error)}`);
  });
  const node = preferredNode(members, target.nodePreference);
  if (node === undefined) throw new Error(`${where} reports no leader`);
  return node;
}

export interface ClusterMember {
  readonly node: Endpoint;
  readonly isAlive: boolean;
  readonly role: 'leader' | 'follower' | 'readOnlyReplica' | 'none';
}

/**
 * The nodes of a cluster as one of them reports them.
 * @param signal Cancels the call.
 * @throws the error of the call.
 */
export function clusterMembers(
  target: Target,
  seed: Endpoint,
  signal?: AbortSignal,
): Promise<readonly ClusterMember[]> {
  const channel = channelTo(seed, target);
  const client = new grpcGossip.GossipClient(channel.address, channel.credentials, channel.options);
  const deadline = Date.now() + target.gossipTimeoutMs;
  return new Promise((resolve, reject) => {
    const call = client.read(new shared.Empty(), new Metadata(), { deadline }, (error, info) => {
      signal?.removeEventListener('abort', cancel);
      client.close();
      if (error !== null) reject(error);
      else resolve((info?.getMembersList() ?? []).map(memberOf));
    });
    const cancel = (): void => call.cancel();
    signal?.addEventListener('abort', cancel);
  });
}

function memberOf(member: gossip.MemberInfo): ClusterMember {
  const endpoint = member.getHttpEndPoint();
  return {
    node: { host: endpoint?.getAddress() ?? '', port: endpoint?.getPort() ?? 0 },
    isAlive: member.getIsAlive(),
    role: roleOf(member.getState()),
  };
}

function roleOf(state: gossip.MemberInfo.VNodeState): ClusterMember['role'] {
  const { LEADER, FOLLOWER, READONLYREPLICA, PREREADONLYREPLICA, READONLYLEADERLESS } =
    gossip.MemberInfo.VNodeState;
  if (state === LEADER) return 'leader';
  if (state === FOLLOWER) return 'follower';
  const isReplica = [READONLYREPLICA, PREREADONLYREPLICA, READONLYLEADERLESS].some((one) => one === state);
  return isReplica ? 'readOnlyReplica' : 'none';
}

/** With the preference `leader` there is no substitute, because every call requires the leader. */
function preferredNode(members: readonly ClusterMember[], preference: NodePreference): Endpoint | undefined {
  const usable = shuffled(members.filter(({ isAlive, role }) => isAlive && role !== 'none'));
  const preferred = usable.find(({ role }) => role === preference);
  return (preferred ?? (preference === 'leader' ? undefined : usable[0]))?.node;
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, order: Math.random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ item }) => item);
}
