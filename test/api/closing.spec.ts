import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { startApi } from './api-under-test.js';

let socket: Socket;
// A server that waits for it all the same must not keep the test run waiting too.
afterEach(() => socket.destroy());

/** Browsers open connections ahead of time. */
it('a closing server does not wait for a connection on which nothing was ever sent', async () => {
  const { app } = await startApi();
  await app.listen(0, '127.0.0.1');
  const { server }: FastifyInstance = app.getHttpAdapter().getInstance();
  const { port } = server.address() as AddressInfo; // it listens on a port
  socket = connect(port, '127.0.0.1');
  const ended = once(socket, 'close');
  await once(server, 'connection');
  await app.close();
  await ended;
});
