import { once } from 'node:events';
import { connect, createServer } from 'node:net';

const connectTimeoutMs = 5_000;

/** A TCP port of 127.0.0.1 that nobody listens on. */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Resolves if somebody accepts connections at `port` of 127.0.0.1. @throws otherwise. */
export async function connects(port) {
  const socket = connect({ port, host: '127.0.0.1', timeout: connectTimeoutMs });
  try {
    await once(socket, 'connect');
  } finally {
    socket.destroy();
  }
}
