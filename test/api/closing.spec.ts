import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { eventually } from '../services/wait-until.js';
import { startApi } from './api-under-test.js';

/** What Node says of a connection whose request is not there in time. */
const tooLate = () => Object.assign(new Error('Request timeout'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });

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

it.each([
  ['nothing was ever sent on is closed in silence', '', ''],
  ['a request began on is told that it was too slow', 'POST /v1/users HTTP/1.1\r\nHost: a', 'HTTP/1.1 408 '],
])('a connection that %s', async (_, sent, answer) => {
  const { app } = await startApi();
  await app.listen(0, '127.0.0.1');
  const { server }: FastifyInstance = app.getHttpAdapter().getInstance();
  const { port } = server.address() as AddressInfo; // it listens on a port
  socket = connect(port, '127.0.0.1');
  const [accepted] = await once(server, 'connection');
  let received = '';
  socket.on('data', (chunk) => {
    received += String(chunk);
  });
  if (sent !== '') {
    socket.write(sent);
    await eventually(() => accepted.bytesRead >= sent.length);
  }
  server.emit('clientError', tooLate(), accepted);
  await once(socket, 'end');
  expect(received.slice(0, answer.length || undefined)).toBe(answer);
  await app.close();
});
