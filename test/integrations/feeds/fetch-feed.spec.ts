import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FeedUnreadable, readFeed } from '../../../src/integrations/feeds/fetch-feed.js';

const servers: Server[] = [];

/** Starts an HTTP server on a free port and returns its address. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A server that listens on TCP has an AddressInfo.
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

describe('reading a feed', () => {
  it('reads a file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'feed-'));
    const path = join(folder, 'feed.json');
    await writeFile(path, '{"이름":1}');
    expect(await readFeed(path)).toBe('{"이름":1}');
    await expect(readFeed(path, { maxBytes: 5 })).rejects.toThrow(`${path} is larger than 5 bytes.`);
    await expect(readFeed(folder)).rejects.toThrow(FeedUnreadable);
    await rm(folder, { recursive: true });
    await expect(readFeed(path)).rejects.toThrow(/cannot be read: ENOENT/);
  });

  it('reads an address and follows redirects', async () => {
    const address = await serve((request, response) => {
      if (request.url === '/feed') response.end('한글');
      else response.writeHead(302, { location: '/feed' }).end();
    });
    expect(await readFeed(`${address}/moved`)).toBe('한글');
  });

  it('decodes what states its encoding, and names a file that does not', async () => {
    /** "공연" in EUC-KR. */
    const hangul = Buffer.from([0xb0, 0xf8, 0xbf, 0xac]);
    const address = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/xml; charset="EUC-KR"' }).end(hangul);
    });
    expect(await readFeed(address)).toBe('공연');
    const folder = await mkdtemp(join(tmpdir(), 'feed-'));
    const path = join(folder, 'feed.json');
    await writeFile(path, Buffer.from('\uFEFF공연', 'utf16le'));
    expect(await readFeed(path)).toBe('공연');
    await writeFile(path, hangul);
    await expect(readFeed(path)).rejects.toThrow(`${path} is not valid UTF-8; it may be EUC-KR`);
    await rm(folder, { recursive: true });
  });

  it('gives up on redirects without end and to other protocols', async () => {
    let asked = 0;
    const address = await serve((request, response) => {
      asked += 1;
      const location = request.url === '/file' ? 'file:///etc/hostname' : '/again';
      response.writeHead(301, { location }).end();
    });
    await expect(readFeed(`${address}/`)).rejects.toThrow(/redirects more than 5 times/);
    expect(asked).toBe(6);
    await expect(readFeed(`${address}/file`)).rejects.toThrow(
      /redirects to another protocol, which is not read/,
    );
  });

  it('says when the server answers with an error', async () => {
    const address = await serve((_request, response) => response.writeHead(503).end('busy'));
    await expect(readFeed(address)).rejects.toThrow(`${address}/ answered with status 503.`);
  });

  it('stops reading an answer that is too large', async () => {
    const address = await serve((_request, response) => {
      const chunk = Buffer.alloc(64 * 1024);
      const pump = () => {
        while (response.write(chunk));
        response.once('drain', pump);
      };
      pump();
    });
    await expect(readFeed(address, { maxBytes: 200_000 })).rejects.toThrow(/is larger than 200000 bytes/);
  });

  it('gives up on a server that never answers, or stops in the middle', async () => {
    const silent = await serve(() => undefined);
    await expect(readFeed(silent, { timeoutMs: 50 })).rejects.toThrow(/did not answer within 50 ms/);
    const stalling = await serve((_request, response) => response.write('{'));
    await expect(readFeed(stalling, { timeoutMs: 200 })).rejects.toThrow(/did not answer within 200 ms/);
  });

  it('says why an address cannot be reached', async () => {
    const address = await serve(() => undefined);
    await new Promise((resolve) => servers.splice(0)[0]?.close(resolve));
    await expect(readFeed(address)).rejects.toThrow(/cannot be reached: .*ECONNREFUSED/);
    await expect(readFeed('http://')).rejects.toThrow(/is not an address/);
  });
});
