import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkServerIdentity } from 'node:tls';
import { ChannelCredentials, type ChannelOptions, connectivityState, Metadata } from '@grpc/grpc-js';
import {
  BadEventStoreUrl,
  type Endpoint,
  type EventStoreUrl,
  type NodePreference,
  parseEventStoreUrl,
} from '../../platform/event-store-url.js';
import { StoreUnavailable } from '../port.js';
import { BatchCall } from './appender.js';
import { backoffMs, failureText } from './failures.js';
import {
  type BatchStream,
  GossipClient,
  gossip,
  type ReadStream,
  StreamsClient,
  shared,
  type streams,
} from './protocol.js';

/** What to connect to. */
export interface Target extends EventStoreUrl {
  /** Whether the node to use is found by gossip. */
  readonly isCluster: boolean;
  /**
   * Whether every call requires the leader, so that another node refuses it: commands decide on what they read, and a
   * follower may not have the newest events yet.
   */
  readonly requiresLeader: boolean;
  /** Undefined: plain text. */
  readonly tls: { readonly ca?: Buffer; readonly certificate?: Buffer; readonly key?: Buffer } | undefined;
  /** The name of this process in the server's log. */
  readonly connectionName: string;
}

/**
 * What a connection string says, with the files it names.
 * @throws {BadEventStoreUrl} when it is malformed or names a file that does not exist.
 */
export function targetOf(connectionString: string): Target {
  const url = parseEventStoreUrl(connectionString);
  return {
    ...url,
    isCluster: url.isDiscovered || url.hosts.length > 1,
    requiresLeader: url.nodePreference === 'leader',
    tls: url.hasTls ? tlsOf(url) : undefined,
    connectionName: url.connectionName ?? `boxoffice ${randomUUID()}`,
  };
}

function tlsOf({ tlsCaFile, userCertificateFile, userKeyFile }: EventStoreUrl): NonNullable<Target['tls']> {
  return {
    ...(tlsCaFile === undefined ? {} : { ca: fileOf('tlsCAFile', tlsCaFile) }),
    ...(userCertificateFile === undefined
      ? {}
      : { certificate: fileOf('userCertFile', userCertificateFile) }),
    ...(userKeyFile === undefined ? {} : { key: fileOf('userKeyFile', userKeyFile) }),
  };
}

function fileOf(parameter: string, file: string): Buffer {
  if (!existsSync(file))
    throw new BadEventStoreUrl(`the file of the parameter ${parameter} does not exist: ${file}`);
  return readFileSync(file);
}

/**
 * Keeps one {@link Client} at a time and replaces it after a failure. Reports an outage in two lines, at its beginning
 * and at its end, however many calls fail.
 */
export class Connection {
  private client: Client | undefined;
  private opening: Promise<Client> | undefined;
  private failures = 0;
  private lostAtMs: number | undefined;
  private isClosed = false;

  /**
   * @param warn Called when the connection is lost, with the reason, and when it is back, with duration and node.
   * @param firstUse Runs on each new connection before anything else.
   */
  constructor(
    private readonly target: Target,
    private readonly warn: (message: string) => void,
    private readonly firstUse?: FirstUse,
  ) {
    this.client = this.newClient();
  }

  /**
   * The client to use; after failures, resolves when it is time for another attempt. @throws {StoreUnavailable} when
   * closed.
   */
  async current(): Promise<Client> {
    if (this.isClosed) throw new StoreUnavailable('the event store is closed');
    if (this.client !== undefined) return this.client;
    this.opening ??= this.reopen().finally(() => {
      this.opening = undefined;
    });
    return this.opening;
  }

  /** Call it when a client has answered: the count of failures begins again. */
  worked(client: Client): void {
    if (client !== this.client) return;
    this.failures = 0;
    this.reportBack(client);
  }

  /** Closes a client. Its open calls fail; callers get the next client from {@link current}. */
  retire(client: Client, reason: string): void {
    if (client.isRetired) return;
    client.retire(reason);
    if (client !== this.client || this.isClosed) return;
    this.failures += 1;
    this.client = undefined;
    if (this.lostAtMs !== undefined) return;
    this.lostAtMs = performance.now();
    const lost = client.hasConnected ? `lost EventStoreDB (${client.node})` : 'cannot reach EventStoreDB';
    this.warn(`${lost}: ${reason}`);
  }

  /** Closes the connection for good. */
  close(): void {
    this.isClosed = true;
    this.client?.retire('the event store is closed');
  }

  private async reopen(): Promise<Client> {
    // The first retry does not wait: usually one node has failed and another is available.
    if (this.failures > 1) await sleep(backoffMs(this.failures - 1, 50, 1_000));
    if (this.isClosed) throw new StoreUnavailable('the event store is closed');
    const client = this.newClient();
    this.client = client;
    return client;
  }

  private newClient(): Client {
    return new Client(this.target, (client) => this.reportBack(client), this.firstUse);
  }

  private reportBack(client: Client): void {
    if (client !== this.client || this.lostAtMs === undefined) return;
    const seconds = (performance.now() - this.lostAtMs) / 1_000;
    this.lostAtMs = undefined;
    this.warn(`EventStoreDB is back after ${seconds.toFixed(1)} s (${client.node})`);
  }
}

/** Runs on a new connection before anything else. */
type FirstUse = (client: Pick<Client, 'read'>) => Promise<void>;

/**
 * One connection to one node. It is used until a call on it fails, and then closed as a whole: the next client searches
 * for the leader again.
 */
export class Client {
  private readonly open = new Set<{ cancel(): void }>();
  private readonly retiring = new AbortController();
  private connecting: Promise<StreamsClient> | undefined;
  private batchCall: Promise<BatchCall> | undefined;
  /** The node's address, once it has been found. */
  node: string | undefined;
  /** Whether a connection was established: before that, nothing can have been sent. */
  hasConnected = false;

  /**
   * @param onAccepted Called when the server has begun to answer a read or subscription.
   * @param firstUse Every other call waits for it, and fails with its error.
   */
  constructor(
    private readonly target: Target,
    private readonly onAccepted: (client: Client) => void = () => {},
    private readonly firstUse: FirstUse = async () => {},
  ) {}

  get isRetired(): boolean {
    return this.retiring.signal.aborted;
  }

  /** The call that all appends use. @throws the error of connecting. */
  batch(): Promise<BatchCall> {
    this.batchCall ??= this.openBatch();
    return this.batchCall;
  }

  /**
   * A read or subscription. The caller must listen to its errors and cancel it unless it has ended.
   * @param deadlineMs When the server may give up, milliseconds since 1970; Infinity for never.
   * @throws the error of connecting.
   */
  async read(request: streams.ReadReq, deadlineMs: number): Promise<ReadStream> {
    return this.readWith(await this.service(), request, deadlineMs);
  }

  /**
   * Closes the connection: every open call fails, and no new call may be started.
   * @param reason The error message for calls that wait for the connection.
   */
  retire(reason: string): void {
    if (this.isRetired) return;
    this.retiring.abort(new Error(reason));
    for (const stream of this.open) stream.cancel();
    this.connecting?.then(
      (service) => service.close(),
      () => undefined,
    );
  }

  private async openBatch(): Promise<BatchCall> {
    const service = await this.service();
    const stream = service.batchAppend(metadataOf(this.target), { deadline: Number.POSITIVE_INFINITY });
    return new BatchCall(this.tracked(stream));
  }

  private service(): Promise<StreamsClient> {
    this.connecting ??= this.connect();
    return this.connecting;
  }

  private async connect(): Promise<StreamsClient> {
    const node = await findNode(this.target, this.retiring.signal);
    this.node = addressOf(node);
    const { address, credentials, options } = channelTo(node, this.target);
    const service = new StreamsClient(address, credentials, options);
    this.watch(service);
    try {
      await this.firstUse({ read: async (...call) => this.readWith(service, ...call) });
    } catch (error) {
      service.close();
      throw error;
    }
    return service;
  }

  private readWith(service: StreamsClient, request: streams.ReadReq, deadlineMs: number): ReadStream {
    const stream = this.tracked(service.read(request, metadataOf(this.target), { deadline: deadlineMs }));
    stream.once('metadata', () => this.onAccepted(this));
    return stream;
  }

  private watch(service: StreamsClient): void {
    const channel = service.getChannel();
    const state = channel.getConnectivityState(false);
    this.hasConnected ||= state === connectivityState.READY;
    if (this.hasConnected || state === connectivityState.SHUTDOWN) return;
    channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, () => this.watch(service));
  }

  private tracked<Stream extends ReadStream | BatchStream>(stream: Stream): Stream {
    this.open.add(stream);
    stream.on('close', () => this.open.delete(stream));
    // An error event without a listener would end the process.
    stream.on('error', () => this.open.delete(stream));
    if (this.isRetired) stream.cancel();
    return stream;
  }
}

/** Address, credentials and options of a gRPC client. */
interface Channel {
  readonly address: string;
  readonly credentials: ChannelCredentials;
  readonly options: ChannelOptions;
}

/** The TLS server name for a node that is known by its IP address only; no host can have it (`.invalid`, RFC 6761). */
const noServerName = 'eventstoredb.invalid';
/** EventStoreDB stores events of at most 16 MiB. */
const maxMessageBytes = 17 * 1024 * 1024;

/** Address, credentials and options for one node. */
export function channelTo(node: Endpoint, target: Target): Channel {
  const { keepAliveIntervalMs, keepAliveTimeoutMs } = target;
  const options: ChannelOptions = {
    'grpc.keepalive_time_ms': keepAliveIntervalMs < 0 ? Number.MAX_VALUE : keepAliveIntervalMs,
    'grpc.keepalive_timeout_ms': keepAliveTimeoutMs < 0 ? Number.MAX_VALUE : keepAliveTimeoutMs,
    'grpc.max_receive_message_length': maxMessageBytes,
    // Without it, a new client would use the connection of the client that was closed.
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

/** The metadata of every call: user, name of the connection, and whether only the leader may answer. */
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

interface ClusterMember {
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
  const client = new GossipClient(channel.address, channel.credentials, channel.options);
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
