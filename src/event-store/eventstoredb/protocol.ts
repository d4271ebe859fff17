/**
 * EventStoreDB's protocol: messages and service clients, as generated for its official client. The client's package does
 * not document these modules, so no other module of src/ imports them, and test/event-store/eventstoredb-protocol.spec.ts
 * names what a new version of the package changes.
 *
 * The documented `EventStoreDBClient` is not used, because
 * - `appendToStream()` keeps the waiting appends of all clients of a process in one map: one broken call fails the
 *   appends of the others, and a late answer ends the process;
 * - `readAll()` takes no filter;
 * - it prints a connection string that has an unknown parameter, with its password;
 * - it passes an IP address to TLS as server name, which Node 26 refuses.
 */
import grpcGossip from '@eventstore/db-client/generated/gossip_grpc_pb.js';
import grpcStreams from '@eventstore/db-client/generated/streams_grpc_pb.js';
import grpcUsers from '@eventstore/db-client/generated/users_grpc_pb.js';

export { default as gossip } from '@eventstore/db-client/generated/gossip_pb.js';
export { default as shared } from '@eventstore/db-client/generated/shared_pb.js';
export { default as streams } from '@eventstore/db-client/generated/streams_pb.js';
export { default as users } from '@eventstore/db-client/generated/users_pb.js';

export const { GossipClient } = grpcGossip;
export const { StreamsClient } = grpcStreams;
export type StreamsClient = grpcStreams.StreamsClient;
export const { UsersClient } = grpcUsers;
export type UsersClient = grpcUsers.UsersClient;

/** An open read or subscription. */
export type ReadStream = ReturnType<StreamsClient['read']>;
/** An open BatchAppend call. */
export type BatchStream = ReturnType<StreamsClient['batchAppend']>;
