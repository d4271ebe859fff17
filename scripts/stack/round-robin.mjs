import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/**
 * Hands connections to several servers in turn, byte by byte, so that live streams pass as they are; a server that
 * does not accept one is passed over.
 * @param port where to listen on 127.0.0.1.
 * @param targets ports of the servers on 127.0.0.1.
 * @returns `close`, which breaks all connections.
 * @throws when the port is taken.
 */
export async function startRoundRobin(port, targets) {
  const open = new Set();
  let turn = 0;
  const server = createServer({ pauseOnConnect: true }, (client) => {
    open.add(client);
    client.on('error', () => client.destroy());
    client.once('close', () => open.delete(client));
    const first = turn++;
    join(
      client,
      targets.map((_, index) => targets[(first + index) % targets.length]),
    );
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    close() {
      server.close();
      for (const client of open) client.destroy();
    },
  };
}

/** Connects a client to the first of the targets that accepts; to none, and it is disconnected. */
function join(client, [target, ...others]) {
  if (target === undefined || client.destroyed) {
    client.destroy();
    return;
  }
  const upstream = connect({ port: target, host: '127.0.0.1' });
  const isRefused = () => join(client, others);
  upstream.once('error', isRefused);
  upstream.once('connect', () => {
    upstream.off('error', isRefused);
    upstream.on('error', () => client.destroy());
    upstream.once('close', () => client.destroy());
    client.once('close', () => upstream.destroy());
    client.pipe(upstream).pipe(client);
  });
}
