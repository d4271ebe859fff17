import { createServer, type IncomingHttpHeaders } from 'node:http';

export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Ends the exchange; the test decides when. */
  answer(status: number, body?: string, headers?: Record<string, string>): void;
  /** Breaks the connection instead. */
  hangUp(): void;
  /** Resolves when the exchange is over, whoever ended it. */
  readonly over: Promise<void>;
}

export interface ScriptedServer {
  readonly url: string;
  /** The oldest request not handed out yet; waits for one. */
  next(): Promise<Received>;
  /** Requests that arrived and were not handed out. */
  readonly unread: number;
  close(): Promise<void>;
}

/** An HTTP server whose every answer the test gives by hand. */
export async function startScriptedServer(): Promise<ScriptedServer> {
  const arrived: Received[] = [];
  const readers: ((received: Received) => void)[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const received: Received = {
      method: request.method ?? '',
      url: request.url ?? '',
      headers: request.headers,
      body: Buffer.concat(chunks).toString('utf8'),
      answer: (status, body = '', headers = {}) => response.writeHead(status, headers).end(body),
      hangUp: () => response.destroy(),
      over: new Promise((resolve) => response.once('close', resolve)),
    };
    const reader = readers.shift();
    if (reader) reader(received);
    else arrived.push(received);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    next: () => {
      const received = arrived.shift();
      return received ? Promise.resolve(received) : new Promise((resolve) => readers.push(resolve));
    },
    get unread() {
      return arrived.length;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
