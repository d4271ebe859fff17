import gossipServices from '@eventstore/db-client/generated/gossip_grpc_pb.js';
import monitoringServices from '@eventstore/db-client/generated/monitoring_grpc_pb.js';
import operationsServices from '@eventstore/db-client/generated/operations_grpc_pb.js';
import persistentServices from '@eventstore/db-client/generated/persistent_grpc_pb.js';
import projectionsServices from '@eventstore/db-client/generated/projections_grpc_pb.js';
import featuresServices from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js';
import streamsServices from '@eventstore/db-client/generated/streams_grpc_pb.js';
import usersServices from '@eventstore/db-client/generated/users_grpc_pb.js';
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { withTimeEnough } from '../services/wait-until.js';
import { WireServer } from './server.js';

const services = {
  gossip: gossipServices.GossipService,
  monitoring: monitoringServices.MonitoringService,
  operations: operationsServices.OperationsService,
  persistentSubscriptions: persistentServices.PersistentSubscriptionsService,
  projections: projectionsServices.ProjectionsService,
  serverFeatures: featuresServices.ServerFeaturesService,
  streams: streamsServices.StreamsService,
  users: usersServices.UsersService,
};

/** Whether a server answers UNIMPLEMENTED to a method, asked with an empty message. */
function isUnimplemented(client: Client, path: string, limitMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const deadline = Date.now() + limitMs;
    const done = (error: ServiceError | null) => resolve(error?.code === status.UNIMPLEMENTED);
    client.makeUnaryRequest(
      path,
      (bytes: Buffer) => bytes,
      (bytes) => bytes,
      Buffer.alloc(0),
      { deadline },
      done,
    );
  });
}

it('the methods it does not cover answer UNIMPLEMENTED, and they are these', () =>
  withTimeEnough(
    async (limitMs) => {
      const server = await new WireServer().start();
      const client = new Client(`127.0.0.1:${server.port}`, credentials.createInsecure());
      const covered: string[] = [];
      const missing = new Map<string, number>();
      for (const [name, service] of Object.entries(services)) {
        for (const [method, { path }] of Object.entries(service)) {
          if (await isUnimplemented(client, path, limitMs)) missing.set(name, (missing.get(name) ?? 0) + 1);
          else covered.push(`${name}.${method}`);
        }
      }
      client.close();
      server.stop();
      expect(covered.sort()).toEqual([
        'gossip.read',
        'serverFeatures.getSupportedMethods',
        'streams.append',
        'streams.batchAppend',
        'streams.delete',
        'streams.read',
        'streams.tombstone',
        'users.create',
        'users.resetPassword',
      ]);
      const others = Object.entries(services).map(([name, service]) => {
        return [
          name,
          Object.keys(service).length - covered.filter((one) => one.startsWith(`${name}.`)).length,
        ];
      });
      expect(Object.fromEntries(missing)).toEqual(
        Object.fromEntries(others.filter(([, count]) => count !== 0)),
      );
    },
    [1_000, 10_000],
  ));
