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

/** What a gRPC client is made with. */
export interface Channel {
  readonly address: string;
  readonly credentials: ChannelCredentials;
  readonly options: ChannelOptions;
}

/** The server name TLS sends for a node that has no name; `.invalid` never is one (RFC 6761). */
const noServerName = 'eventstoredb.invalid';
/** The largest event EventStoreDB keeps has 16 MiB. */
const maxMessageBytes = 17 * 1024 * 1024;

/** How to reach one node. */
export function channelTo(node: Endpoint, target: Target): Channel {
  const { keepAliveIntervalMs, keepAliveTimeoutMs } = target;
  const options: ChannelOptions = {
    'grpc.keepalive_time_ms': keepAliveIntervalMs < 0 ? Number.MAX_VALUE : keepAliveIntervalMs,
    'grpc.keepalive_timeout_ms': keepAliveTimeoutMs < 0 ? Number.MAX_VALUE : keepAliveTimeoutMs,
    'grpc.max_receive_message_length': maxMessageBytes,
    // A connection that was given up is not to be had again.
    'grpc.use_local_subchannel_pool': 1,
  };
  const address = addressOf(node);
  if (target.tls === undefined) return { address, credentials: ChannelCredentials.createInsecure(), options };
  const { ca, key, certificate } = target.tls;
  if (isIP(node.host) === 0) {
    const named = ChannelCredentials.createSsl(ca ?? null, key ?? null, certificate ?? null);
    return { address, credentials: named, options };
  }
  // grpc-js hands the host to TLS as server name, which must not be an address (RFC 6066): Node 26 refuses it.
  const byAddress = ChannelCredentials.createSsl(ca ?? null, key ?? null, certificate ?? null, {
    checkServerIdentity: (_, presented) => checkServerIdentity(node.host, presented),
  });
  return {
    address,
    credentials: byAddress,
    options: { ...options, 'grpc.ssl_target_name_override': noServerName },
  };
}

/** What every call says of its caller. */
export function metadataOf(target: Target): Metadata {
  const metadata = new Metadata();
  metadata.set('connection-name', target.connectionName);
  if (target.requiresLeader) metadata.set('requires-leader', 'true');
  // Without TLS the password would be readable on the way, and EventStoreDB asks for none.
  if (target.credentials !== undefined && target.tls !== undefined) {
    const { user, password } = target.credentials;
    metadata.set('authorization', `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`);
  }
  return metadata;
}

/** Host and port in one text. */
export function addressOf({ host, port }: Endpoint): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * The node to use: the only one, or the preferred one of the cluster, as its nodes tell.
 * @throws {Error} when no node told of one, or the signal aborts.
 */
export async function findNode(target: Target, signal: AbortSignal): Promise<Endpoint> {
  if (!target.isCluster) return target.hosts[0];
  let reason = '';
  for (let attempt = 1; attempt <= target.maxDiscoverAttempts; attempt++) {
    // An abort signal that has fired already does not cancel a call that begins later.
    signal.throwIfAborted();
    const found = new AbortController();
    try {
      // All at once: one that stands still would take its whole time.
      return await Promise.any(
        target.hosts.map((seed) => nodeAsToldBy(seed, target, AbortSignal.any([signal, found.signal]))),
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

async function nodeAsToldBy(seed: Endpoint, target: Target, signal: AbortSignal): Promise<Endpoint> {
  const where = addressOf(seed);
  const members = await clusterMembers(target, seed, signal).catch((error: unknown) => {
    throw new Error(`${where}: ${failureText(error)}`);
  });
  const node = preferredNode(members, target.nodePreference);
  if (node === undefined) throw new Error(`${where} knows of no leader`);
  return node;
}

export interface ClusterMember {
  readonly node: Endpoint;
  readonly isAlive: boolean;
  readonly role: 'leader' | 'follower' | 'readOnlyReplica' | 'none';
}

/**
 * The nodes of a cluster as one of them knows them.
 * @param signal Ends the call.
 * @throws what the call fails with.
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

/** Nothing but the leader will do where it is preferred: every call asks for it. */
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
