import { EventStoreDBClient } from '@eventstore/db-client';
import grpcStreams from '@eventstore/db-client/generated/streams_grpc_pb.js';
import type streams from '@eventstore/db-client/generated/streams_pb.js';
import { BatchCall } from './batch-call.js';
import type { Target } from './target.js';

type StreamsClient = grpcStreams.StreamsClient;
export type ReadStream = ReturnType<StreamsClient['read']>;
type BatchStream = ReturnType<StreamsClient['batchAppend']>;
type CallArguments = [Exclude<Parameters<StreamsClient['batchAppend']>[0], undefined>, { deadline?: number }];

/**
 * The parts of the client its own operations are made of. Its appendToStream() is not used: it keeps the pending
 * appends of all clients in one map of the process, so one broken call fails (and a late answer crashes) others,
 * and readAll() takes no filter.
 */
interface ClientParts {
  GRPCStreamCreator<Stream extends ReadStream | BatchStream>(
    client: typeof grpcStreams.StreamsClient,
    debugName: string,
    create: (client: StreamsClient) => Stream,
  ): () => Promise<Stream>;
  callArguments(
    options: { readonly requiresLeader: boolean },
    callOptions: { readonly deadline: number },
  ): CallArguments;
}

/**
 * One connection: a client that is used until something is wrong with it and then given up as a whole, with its
 * channel. A client repairs itself piece by piece, which leaves calls on two channels at once; a new one finds
 * the leader afresh.
 */
export class Link {
  private readonly client: EventStoreDBClient;
  private readonly parts: ClientParts;
  private readonly open = new Set<{ cancel(): void }>();
  private readonly channels = new Set<{ close(): void }>();
  private batchCall: Promise<BatchCall> | undefined;
  isRetired = false;

  /** @throws {Error} when the connection string is malformed or names a file that is not there. */
  constructor(private readonly target: Target) {
    this.client = EventStoreDBClient.connectionString(target.connectionString);
    // Protected members: the package's version is pinned, and the tests call each of them.
    this.parts = this.client as unknown as ClientParts;
  }

  /** The call all appends share. @throws what connecting fails with. */
  batch(): Promise<BatchCall> {
    this.batchCall ??= this.openBatch();
    return this.batchCall;
  }

  /**
   * A read or subscription. The caller listens to its errors and cancels it unless it has ended.
   * @param deadlineMs When the server may give up, milliseconds since 1970; Infinity for never.
   * @throws what connecting fails with.
   */
  async read(request: streams.ReadReq, deadlineMs: number): Promise<ReadStream> {
    return this.call('read', (client) =>
      client.read(request, ...this.parts.callArguments(this.target, { deadline: deadlineMs })),
    );
  }

  /** Gives the connection up: every open call fails, nothing new is to be started. */
  retire(): void {
    if (this.isRetired) return;
    this.isRetired = true;
    for (const stream of this.open) stream.cancel();
    for (const channel of this.channels) channel.close();
  }

  private async openBatch(): Promise<BatchCall> {
    const stream = await this.call('batchAppend', (client) =>
      client.batchAppend(...this.parts.callArguments(this.target, { deadline: Number.POSITIVE_INFINITY })),
    );
    return new BatchCall(stream);
  }

  private async call<Stream extends ReadStream | BatchStream>(
    name: string,
    create: (client: StreamsClient) => Stream,
  ): Promise<Stream> {
    const stream = await this.parts.GRPCStreamCreator(grpcStreams.StreamsClient, name, (client) => {
      this.channels.add(client.getChannel());
      return create(client);
    })();
    this.open.add(stream);
    stream.on('close', () => this.open.delete(stream));
    // An error nobody listens to would end the process.
    stream.on('error', () => this.open.delete(stream));
    if (this.isRetired) stream.cancel();
    return stream;
  }
}
