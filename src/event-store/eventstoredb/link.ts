import grpcStreams from '@eventstore/db-client/generated/streams_grpc_pb.js';
import type streams from '@eventstore/db-client/generated/streams_pb.js';
import { connectivityState } from '@grpc/grpc-js';
import { BatchCall } from './batch-call.js';
import { addressOf, channelTo, findNode, metadataOf } from './channel.js';
import type { Target } from './target.js';

type StreamsClient = grpcStreams.StreamsClient;
export type ReadStream = ReturnType<StreamsClient['read']>;
type BatchStream = ReturnType<StreamsClient['batchAppend']>;

/** Runs on a new connection before anything else. */
export type FirstUse = (link: Pick<Link, 'read'>) => Promise<void>;

/**
 * One connection to one node, used until a call on it fails and then given up as a whole: the next one looks for the
 * leader again. EventStoreDBClient is not used for the calls: its appendToStream() keeps the pending appends of all
 * clients in one map of the process, so one broken call fails (and a late answer crashes) others, its readAll() takes
 * no filter, and its channel cannot verify a certificate against an IP address.
 */
export class Link {
  private readonly open = new Set<{ cancel(): void }>();
  private readonly retiring = new AbortController();
  private connecting: Promise<StreamsClient> | undefined;
  private batchCall: Promise<BatchCall> | undefined;
  /** The node's address, once it has been found. */
  node: string | undefined;
  /** Whether a connection was made: until then nothing can have been sent. */
  hasConnected = false;

  /**
   * @param onAccepted Called when the server has begun to answer a read or subscription.
   * @param firstUse Every other call waits for it, and fails with its error.
   */
  constructor(
    private readonly target: Target,
    private readonly onAccepted: (link: Link) => void = () => {},
    private readonly firstUse: FirstUse = async () => {},
  ) {}

  get isRetired(): boolean {
    return this.retiring.signal.aborted;
  }

  /** The call that all appends share. @throws the error of connecting. */
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
    return this.readWith(await this.client(), request, deadlineMs);
  }

  /**
   * Gives the connection up: every open call fails, and no new call may be started.
   * @param reason The error message for calls that wait for the connection.
   */
  retire(reason: string): void {
    if (this.isRetired) return;
    this.retiring.abort(new Error(reason));
    for (const stream of this.open) stream.cancel();
    this.connecting?.then(
      (client) => client.close(),
      () => undefined,
    );
  }

  private async openBatch(): Promise<BatchCall> {
    const client = await this.client();
    const stream = client.batchAppend(metadataOf(this.target), { deadline: Number.POSITIVE_INFINITY });
    return new BatchCall(this.kept(stream));
  }

  private client(): Promise<StreamsClient> {
    this.connecting ??= this.connect();
    return this.connecting;
  }

  private async connect(): Promise<StreamsClient> {
    const node = await findNode(this.target, this.retiring.signal);
    this.node = addressOf(node);
    const { address, credentials, options } = channelTo(node, this.target);
    const client = new grpcStreams.StreamsClient(address, credentials, options);
    this.watch(client);
    try {
      await this.firstUse({ read: async (...call) => this.readWith(client, ...call) });
    } catch (error) {
      client.close();
      throw error;
    }
    return client;
  }

  private readWith(client: StreamsClient, request: streams.ReadReq, deadlineMs: number): ReadStream {
    const stream = this.kept(client.read(request, metadataOf(this.target), { deadline: deadlineMs }));
    stream.once('metadata', () => this.onAccepted(this));
    return stream;
  }

  private watch(client: StreamsClient): void {
    const channel = client.getChannel();
    const state = channel.getConnectivityState(false);
    this.hasConnected ||= state === connectivityState.READY;
    if (this.hasConnected || state === connectivityState.SHUTDOWN) return;
    channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, () => this.watch(client));
  }

  private kept<Stream extends ReadStream | BatchStream>(stream: Stream): Stream {
    this.open.add(stream);
    stream.on('close', () => this.open.delete(stream));
    // An error event without a listener would end the process.
    stream.on('error', () => this.open.delete(stream));
    if (this.isRetired) stream.cancel();
    return stream;
  }
}
