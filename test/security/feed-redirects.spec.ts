/** OWASP API7:2023 Server-Side Request Forgery; ASVS 5.0 V1.3.6. */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { FeedUnreadable, readFeed } from '../../src/integrations/feeds/fetch-feed.js';
import { isPrivateAddress } from '../../src/integrations/feeds/private-address.js';
import { cli, freshEnv, removeFolders } from '../cli/captured-terminal.js';

/** What a service inside answers, and nobody outside may read. */
const inside = 'S3CR3T';

const servers: Server[] = [];
async function serve(listener: RequestListener): Promise<{ readonly port: number; asked: () => number }> {
  let asked = 0;
  const server = createServer((request, response) => {
    asked++;
    listener(request, response);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, asked: () => asked }; // listening on TCP
}
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});
afterAll(removeFolders);

const redirecting = (location: string) =>
  serve((_request, response) => response.writeHead(302, { location }).end(inside));

describe('API7: a feed that redirects', () => {
  it.each([
    ['this machine', (port: number) => `http://127.0.0.1:${port}/`],
    ['this machine by name', (port: number) => `http://localhost:${port}/`],
    ['this machine as one number', (port: number) => `http://2130706433:${port}/`],
    ['this machine in IPv6', (port: number) => `http://[::1]:${port}/`],
    ['an IPv4 address in IPv6', (port: number) => `http://[::ffff:127.0.0.1]:${port}/`],
    ['every address', (port: number) => `http://0.0.0.0:${port}/`],
    ['the metadata service of a cloud', () => 'http://169.254.169.254/latest/meta-data/'],
    ['a private network', () => 'http://10.0.0.1/'],
  ])('to %s is not followed', async (_to, target) => {
    const internal = await serve((_request, response) => response.end(inside));
    const outside = await redirecting(target(internal.port));
    const reading = readFeed(`http://127.0.0.1:${outside.port}/`);
    await expect(reading).rejects.toThrow(FeedUnreadable);
    await expect(reading).rejects.toThrow('redirects to an address of this machine or a private network');
    expect(internal.asked()).toBe(0);
  });

  it('is followed on the address that was named, and to a private one if that was one too and it is allowed', async () => {
    const internal = await serve((_request, response) => response.end('a feed'));
    const own = await serve((request, response) => {
      if (request.url === '/feed') response.end('the feed');
      else
        response
          .writeHead(302, { location: request.url === '/' ? '/feed' : `http://localhost:${internal.port}/` })
          .end();
    });
    expect(await readFeed(`http://127.0.0.1:${own.port}/`)).toBe('the feed');
    const elsewhere = `http://127.0.0.1:${own.port}/elsewhere`;
    await expect(readFeed(elsewhere)).rejects.toThrow('private network');
    expect(await readFeed(elsewhere, { allowPrivateRedirects: true })).toBe('a feed');
  });

  it.each([
    '127.0.0.1',
    '10.1.2.3',
    '100.64.0.1',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
  ])('%s is private', (address) => expect(isPrivateAddress(address)).toBe(true));
  it.each([
    '::',
    '::1',
    '::ffff:8.8.8.8',
    '64:ff9b::a00:1',
    '2002:a00:1::',
    '2001::1',
    'fc00::1',
    'fe80::1%eth0',
    '[::1]',
    'ff02::1',
    'localhost',
    '',
  ])('%s is no public address either', (address) => expect(isPrivateAddress(address)).toBe(true));
  it.each(['8.8.8.8', '172.32.0.1', '1.1.1.1', '2606:4700::1111', '[2a00:1450:4001::1]'])(
    '%s is public',
    (address) => expect(isPrivateAddress(address)).toBe(false),
  );
});

describe('API7: what an address answers that has no feed', () => {
  it.each([
    ['text', 200, inside, {}],
    ['JSON', 200, `{"key":"${inside}"}`, {}],
    ['broken JSON', 200, `{"key":${inside}}`, {}],
    ['XML', 200, `<a><${inside}></a>`, {}],
    ['an error', 500, inside, {}],
    ['a redirect to nowhere', 302, '', { location: `http://${inside}:99999999/` }],
    ['a redirect to another protocol', 302, '', { location: `${inside}://host/` }],
    ['a broken compression', 200, inside, { 'content-encoding': 'gzip' }],
    ['an unknown compression', 200, inside, { 'content-encoding': inside }],
    [
      'an unknown encoding',
      200,
      Buffer.from([0xb0, 0x20]),
      { 'content-type': `text/plain; charset=${inside}` },
    ],
  ] as const)('%s is not printed', async (_what, status, body, headers) => {
    const server = await serve((_request, response) => response.writeHead(status, headers).end(body));
    const run = await cli(['import', `http://127.0.0.1:${server.port}/`], await freshEnv());
    expect(run.code).not.toBe(0);
    expect(run.stdout + run.stderr).not.toBe('');
    expect((run.stdout + run.stderr).toUpperCase()).not.toContain(inside);
  });

  it('is read when it was compressed for the transfer, up to the limit of what it expands to', async () => {
    const server = await serve((_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(1_000_000, 'a'))),
    );
    const address = `http://127.0.0.1:${server.port}/`;
    expect(await readFeed(address)).toHaveLength(1_000_000);
    await expect(readFeed(address, { maxBytes: 10_000 })).rejects.toThrow('is larger than 10000 bytes');
  });
});
