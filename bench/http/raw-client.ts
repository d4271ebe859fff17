import { connect, type Socket } from 'node:net';

export interface RawReply {
  readonly status: number;
  /** Status line and header lines, as they came. */
  readonly head: string;
  /** Each byte as one character (Latin-1). */
  readonly body: string;
  readonly tookMs: number;
  /** What the server asks to wait before the next try; 0 when it says nothing. */
  readonly retryAfterMs: number;
}

/**
 * One kept-alive HTTP/1.1 connection that sends one request at a time. Node's own client costs about as much as the
 * server answering it, so a flood made with it would be a trickle. Understands replies with a Content-Length only.
 */
export class RawClient {
  #socket: Socket | undefined;
  #received = '';
  #sentAt = 0;
  #settle: { resolve(reply: RawReply): void; reject(error: Error): void } | undefined;

  /** @param from the client's address, one of this machine's; default: the system chooses. */
  constructor(
    private readonly url: URL,
    private readonly from?: string,
  ) {}

  send(method: string, path: string, headers: string, body = ''): Promise<RawReply> {
    const head = `${method} ${path} HTTP/1.1\r\nHost: ${this.url.host}\r\n${headers}`;
    const length = body === '' && method !== 'POST' ? '' : `Content-Length: ${Buffer.byteLength(body)}\r\n`;
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#sentAt = performance.now();
      this.#connected().write(`${head}${length}\r\n${body}`);
    });
  }

  close(): void {
    this.#socket?.destroy();
  }

  #connected(): Socket {
    if (this.#socket && !this.#socket.destroyed) return this.#socket;
    const { from } = this;
    const local = from === undefined ? {} : { localAddress: from };
    const socket = connect({ port: Number(this.url.port), host: this.url.hostname, ...local });
    socket.setNoDelay(true).setEncoding('latin1');
    socket.on('data', (text: string) => this.#take(text));
    const fail = () => this.#finish(undefined);
    socket.on('error', fail).on('close', fail);
    this.#socket = socket;
    this.#received = '';
    return socket;
  }

  #take(text: string): void {
    this.#received += text;
    const headEnd = this.#received.indexOf('\r\n\r\n');
    if (headEnd === -1) return;
    const head = this.#received.slice(0, headEnd);
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
    const end = headEnd + 4 + length;
    if (this.#received.length < end) return;
    const body = this.#received.slice(headEnd + 4, end);
    this.#received = this.#received.slice(end);
    const retryAfterMs = Number(/retry-after: (\d+)/i.exec(head)?.[1] ?? 0) * 1_000;
    const tookMs = performance.now() - this.#sentAt;
    this.#finish({ status: Number(head.slice(9, 12)), head, body, tookMs, retryAfterMs });
  }

  #finish(reply: RawReply | undefined): void {
    const settle = this.#settle;
    this.#settle = undefined;
    if (reply) settle?.resolve(reply);
    else settle?.reject(new Error('the connection was lost'));
  }
}
