import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { createServer, type Server, type Socket } from 'node:net';
import { checkEventStoreDb } from '../../src/event-store/eventstoredb/check-server.js';
import { WireServer, type WireServerOptions } from '../eventstoredb-server/server.js';
import { localhostTls, trusting, wireTls } from '../eventstoredb-server/tls.js';
import { freePort } from '../services/free-port.js';

const opened: { stop(): unknown }[] = [];
afterEach(() => {
  for (const one of opened.splice(0)) one.stop();
});

async function start(options: WireServerOptions): Promise<WireServer> {
  const server = await new WireServer(options).start();
  opened.push(server);
  return server;
}

/** @returns the port. */
async function listening(server: Server): Promise<number> {
  const port = await freePort();
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  opened.push({
    stop() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  });
  return port;
}

const secured = { tls: wireTls, adminPassword: 'a secret of admin' } as const;
const ca = trusting(wireTls);

describe('the check of the server when a process starts', () => {
  it.each([
    ['in plain text', {}, 'esdb://127.0.0.1:PORT?tls=false'],
    ['with TLS', { tls: wireTls }, `esdb://localhost:PORT?${ca}`],
    ['with TLS at an address', { tls: wireTls }, `esdb://127.0.0.1:PORT?${ca}`],
    ['with a user', secured, `esdb://admin:a%20secret%20of%20admin@localhost:PORT?${ca}`],
    ['by gossip', secured, `esdb+discover://admin:a%20secret%20of%20admin@localhost:PORT?${ca}`],
  ])('accepts a server %s', async (_, options, url) => {
    const { port, context } = await start(options);
    await checkEventStoreDb(url.replace('PORT', String(port)));
    expect(context.calls).toContain('Read');
  });

  it.each([
    [
      'certificate is not trusted',
      { tls: wireTls },
      'esdb://localhost:PORT',
      'is not trusted',
      'as tlsCAFile',
    ],
    [
      'certificate is from another authority',
      { tls: wireTls },
      `esdb://localhost:PORT?${trusting(localhostTls)}`,
      'is not from the authority in tlsCAFile',
      '',
    ],
    [
      'certificate has another name',
      { tls: localhostTls },
      `esdb://127.0.0.1:PORT?${trusting(localhostTls)}`,
      'is not for 127.0.0.1',
      'use a host name that it contains',
    ],
    [
      'gossip reports a name that no certificate contains',
      { tls: localhostTls },
      `esdb+discover://localhost:PORT?${trusting(localhostTls)}`,
      'is not for 127.0.0.1',
      'use a host name that it contains',
    ],
    ['speaks plain text', {}, 'esdb://localhost:PORT', 'does not speak TLS', 'add tls=false'],
    ['speaks TLS', { tls: wireTls }, 'esdb://localhost:PORT?tls=false', 'speaks TLS', 'remove tls=false'],
    ['asks for a user', secured, `esdb://localhost:PORT?${ca}`, 'asks for a user', 'user:password@'],
    [
      'does not accept the user',
      secured,
      `esdb://boxoffice:wrong-one@localhost:PORT?${ca}`,
      'does not accept the user boxoffice',
      'boxoffice eventstoredb grant',
    ],
  ])('reports a server that %s', async (_, options, url, problem, remedy) => {
    const { port } = await start(options);
    const look = checkEventStoreDb(url.replace('PORT', String(port)));
    await expect(look).rejects.toMatchObject({ name: 'EventStoreDbRefused' });
    await expect(look).rejects.toThrow(problem);
    await expect(look).rejects.toThrow(remedy);
    await expect(look).rejects.not.toThrow('wrong-one');
  });

  const inHttp1 = (_: unknown, response: { end(text: string): unknown }) => response.end('a web server');
  const greeting = (text: string) => (socket: Socket) =>
    socket.on('error', () => undefined).write(text, 'latin1');
  const answering = (text: string) => (socket: Socket) =>
    socket.on('error', () => undefined).once('data', () => socket.write(text));
  it.each<[string, () => Server, string]>([
    ['a web server', () => createHttpServer(inHttp1), 'answers with HTTP/1.1 and does not speak HTTP/2'],
    ['Redis', () => createServer(answering('-ERR unknown command\r\n')), 'answers as Redis does'],
    ['MySQL', () => createServer(greeting('\x4a\0\0\0\x0a8.0.36\0')), 'answers as MySQL and MariaDB do'],
    ['an SSH server', () => createServer(greeting('SSH-2.0-x\r\n')), 'speaks another protocol than HTTP/2'],
  ])('reports that %s answers instead, with and without tls=false', async (_, create, problem) => {
    const port = await listening(create());
    for (const parameters of ['?tls=false', '']) {
      const look = checkEventStoreDb(`esdb://127.0.0.1:${port}${parameters}`);
      await expect(look).rejects.toMatchObject({ name: 'EventStoreDbRefused' });
      await expect(look).rejects.toThrow(`127.0.0.1:${port} is not an EventStoreDB: it ${problem}`);
    }
  });

  it('reports a web server with TLS', async () => {
    const { key, certificate: cert } = wireTls;
    const port = await listening(createHttpsServer({ key, cert, ALPNProtocols: ['http/1.1'] }, inHttp1));
    const look = checkEventStoreDb(`esdb://127.0.0.1:${port}?${ca}`);
    await expect(look).rejects.toThrow('is not an EventStoreDB: it speaks TLS, but not HTTP/2');
  });

  it('reports a web server that speaks HTTP/2', async () => {
    const port = await listening(
      createHttp2Server((_, response) => {
        response.writeHead(404);
        response.end('nothing here');
      }),
    );
    const look = checkEventStoreDb(`esdb://127.0.0.1:${port}?tls=false`);
    await expect(look).rejects.toThrow(`127.0.0.1:${port} speaks HTTP/2, but is not an EventStoreDB`);
  });

  it('reports a host name that does not resolve', async () => {
    const look = checkEventStoreDb('esdb://nothing-here.invalid:2113');
    await expect(look).rejects.toThrow('the host name nothing-here.invalid does not resolve');
  });

  it('accepts a server that is down, and a cluster of which only one seed is wrong', async () => {
    await checkEventStoreDb(`esdb://127.0.0.1:${await freePort()}?tls=false`);
    const { port } = await start({ tls: wireTls });
    await checkEventStoreDb(`esdb://localhost:${port},127.0.0.1:${await freePort()}?${ca}`);
    await checkEventStoreDb(`esdb://nothing-here.invalid:2113,localhost:${port}?${ca}`);
  });

  it('accepts a server that closes every connection: its settings cannot be judged', async () => {
    const port = await listening(createServer((socket) => socket.destroy()));
    await checkEventStoreDb(`esdb://127.0.0.1:${port}?tls=false`);
    await checkEventStoreDb(`esdb://127.0.0.1:${port}`);
  });
});
