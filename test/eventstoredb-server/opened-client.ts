import { EventStoreDBClient } from '@eventstore/db-client';
import { WireServer, type WireServerOptions } from './server.js';

/** A wire server in this process and a client of it, for the tests of the enclosing describe. */
export function serverAndClient(options: WireServerOptions = {}): {
  server(): WireServer;
  client(): EventStoreDBClient;
} {
  let opened: { readonly server: WireServer; readonly client: EventStoreDBClient } | undefined;
  const get = () => {
    if (opened === undefined) throw new Error('only while a test runs');
    return opened;
  };
  beforeAll(async () => {
    const server = await new WireServer(options).start();
    opened = { server, client: EventStoreDBClient.connectionString(server.connectionString) };
  });
  afterAll(async () => {
    await opened?.client.dispose();
    opened?.server.stop();
  });
  return { server: () => get().server, client: () => get().client };
}

/** Everything an asynchronous iterable has. */
export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}
