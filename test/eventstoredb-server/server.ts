import gossipServices from '@eventstore/db-client/generated/gossip_grpc_pb.js';
import gossip from '@eventstore/db-client/generated/gossip_pb.js';
import featuresServices from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js';
import features from '@eventstore/db-client/generated/serverfeatures_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import streamsServices from '@eventstore/db-client/generated/streams_grpc_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import {
  type Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServiceError,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { Access } from './access.js';
import { type AppendCall, appendCall, deleteCall, tombstoneCall } from './append-call.js';
import { type BatchAppendCall, batchAppendCall } from './batch-append-call.js';
import type { ServerContext, ServerSettings } from './context.js';
import { Faults } from './faults.js';
import { openLog } from './log.js';
import { type ReadCall, readCall } from './read-call.js';
import { failures } from './wire.js';

type DeleteCall = ServerUnaryCall<streams.DeleteReq, streams.DeleteResp>;
type TombstoneCall = ServerUnaryCall<streams.TombstoneReq, streams.TombstoneResp>;
type ServerSurfaceCall = NodeJS.EventEmitter & { readonly metadata: Metadata };

export interface WireServerOptions extends Partial<ServerSettings> {
  /** 0 or left out: any free port. */
  readonly port?: number;
  /** Keeps the log here; left out, in memory only. */
  readonly file?: string;
  /** PEM texts; left out, the server speaks plain text. */
  readonly tls?: { readonly key: string; readonly certificate: string };
  /** How the server dies when a fault says so; default: it drops every connection and stops listening. */
  readonly die?: () => void;
}

const defaults: ServerSettings = {
  maxAppendSize: 1024 * 1024,
  hasBatchAppend: true,
  version: '24.10.14',
};

/** A server that speaks EventStoreDB's gRPC protocol. See README.md for what it covers. */
export class WireServer {
  readonly faults = new Faults();
  readonly context: ServerContext;
  port = 0;
  /** Ports of the cluster's nodes as gossip reports them, the leader first; left out, only this server. */
  clusterPorts: readonly number[] | undefined;
  /** Refuses calls that ask for the leader. */
  isFollower = false;
  private readonly server = new Server({
    'grpc.max_receive_message_length': 17 * 1024 * 1024,
    'grpc.keepalive_permit_without_calls': 1,
  });
  private readonly closeLog: () => void;
  private isDead = false;

  constructor(private readonly options: WireServerOptions = {}) {
    const { log, close } = openLog(options.file);
    this.closeLog = close;
    this.context = {
      log,
      access: new Access(log, options),
      faults: this.faults,
      settings: { ...defaults, ...options },
      calls: [],
      reading: { reads: 0, subscriptions: 0, subscribedEvents: 0, searchedEvents: 0 },
      die: options.die ?? (() => this.kill()),
      isDead: () => this.isDead,
      address: () => ({ host: '127.0.0.1', port: this.port }),
    };
    this.addServices();
  }

  /** `esdb://` with whatever is needed to connect, but for the CA file of a TLS server. */
  get connectionString(): string {
    const { user, password, tls } = this.options;
    const credentials = user === undefined ? '' : `${user}:${password}@`;
    return `esdb://${credentials}127.0.0.1:${this.port}?tls=${tls !== undefined}`;
  }

  async start(): Promise<this> {
    const { tls, port = 0 } = this.options;
    const credentials =
      tls === undefined
        ? ServerCredentials.createInsecure()
        : ServerCredentials.createSsl(null, [
            { private_key: Buffer.from(tls.key), cert_chain: Buffer.from(tls.certificate) },
          ]);
    this.port = await new Promise<number>((resolve, reject) => {
      this.server.bindAsync(`127.0.0.1:${port}`, credentials, (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    return this;
  }

  /** Drops every connection without an answer. */
  kill(): void {
    this.isDead = true;
    this.server.forceShutdown();
  }

  stop(): void {
    this.kill();
    this.closeLog();
  }

  private addServices(): void {
    const { context } = this;
    const { batchAppend, ...older } = streamsServices.StreamsService;
    // An older server does not know the method at all.
    const service = context.settings.hasBatchAppend ? { ...older, batchAppend } : older;
    this.server.addService(service, {
      read: this.streaming('Read', (call: ReadCall) => readCall(context, call)),
      append: this.answering('Append', (call: AppendCall, reply: sendUnaryData<streams.AppendResp>) =>
        appendCall(context, call, reply),
      ),
      batchAppend: this.streaming('BatchAppend', (call: BatchAppendCall) => batchAppendCall(context, call)),
      delete: this.answering('Delete', (call: DeleteCall, reply: sendUnaryData<streams.DeleteResp>) =>
        deleteCall(context, call, reply),
      ),
      tombstone: this.answering(
        'Tombstone',
        (call: TombstoneCall, reply: sendUnaryData<streams.TombstoneResp>) =>
          tombstoneCall(context, call, reply),
      ),
    });
    this.server.addService(...context.access.service((name) => context.calls.push(name)));
    // Neither checks the user, because clients call them before they log in.
    this.server.addService(featuresServices.ServerFeaturesService, {
      getSupportedMethods: (_: unknown, reply: sendUnaryData<features.SupportedMethods>) => {
        context.calls.push('GetSupportedMethods');
        reply(null, this.supportedMethods());
      },
    });
    this.server.addService(gossipServices.GossipService, {
      read: (_: unknown, reply: sendUnaryData<gossip.ClusterInfo>) => {
        context.calls.push('Gossip');
        reply(null, this.clusterInfo());
      },
    });
  }

  /** A call with a stream of answers; checks the caller's rights. */
  private streaming<Call extends ServerSurfaceCall>(name: string, handle: (call: Call) => unknown) {
    return (call: Call): void => {
      this.context.calls.push(name);
      const refusal = this.refusalOf(call.metadata);
      if (refusal === undefined) handle(call);
      else call.emit('error', refusal);
    };
  }

  /** A call with one answer; checks the caller's rights. */
  private answering<Call extends ServerSurfaceCall, Reply>(
    name: string,
    handle: (call: Call, reply: sendUnaryData<Reply>) => void,
  ) {
    return (call: Call, reply: sendUnaryData<Reply>): void => {
      this.context.calls.push(name);
      const refusal = this.refusalOf(call.metadata);
      if (refusal === undefined) handle(call, reply);
      else reply(refusal);
    };
  }

  private refusalOf(metadata: Metadata): ServiceError | undefined {
    if (this.isFollower && metadata.get('requires-leader').includes('true')) {
      return failures.notLeader('127.0.0.1', this.port);
    }
    return this.context.access.refusalOf(metadata);
  }

  private supportedMethods(): features.SupportedMethods {
    const service = 'event_store.client.streams.streams';
    const method = (name: string, ...list: string[]) =>
      new features.SupportedMethod().setServiceName(service).setMethodName(name).setFeaturesList(list);
    const methods = [
      method('read', 'position', 'events'),
      method('append'),
      method('delete'),
      method('tombstone'),
    ];
    if (this.context.settings.hasBatchAppend) methods.push(method('batchappend', 'deadline_duration'));
    return new features.SupportedMethods()
      .setEventStoreServerVersion(this.context.settings.version)
      .setMethodsList(methods);
  }

  private clusterInfo(): gossip.ClusterInfo {
    const { LEADER, FOLLOWER } = gossip.MemberInfo.VNodeState;
    const members = (this.clusterPorts ?? [this.port]).map((port, at) =>
      new gossip.MemberInfo()
        .setInstanceId(new shared.UUID().setString(crypto.randomUUID()))
        .setTimeStamp(`${Date.now() * 10_000}`)
        .setState(at === 0 ? LEADER : FOLLOWER)
        .setIsAlive(true)
        .setHttpEndPoint(new gossip.EndPoint().setAddress('127.0.0.1').setPort(port)),
    );
    return new gossip.ClusterInfo().setMembersList(members);
  }
}
