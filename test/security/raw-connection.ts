import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A connection of an attacker, who sends any bytes and need not read. */
export class RawConnection {
  /** All that was read. */
  received = '';
  /** Resolves with all that was read when the connection is closed, by either side. */
  readonly closed: Promise<string>;

  private constructor(readonly socket: Socket) {
    socket.setEncoding('utf8').on('data', (text: string) => {
      this.received += text;
    });
    this.closed = new Promise((resolve) => {
      socket.on('error', () => undefined).on('close', () => resolve(this.received));
    });
  }

  /** @param from the client's address, one of this machine's: Linux has all of 127.0.0.0/8. */
  static async to(url: string, from = '127.0.0.1'): Promise<RawConnection> {
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), localAddress: from });
    await once(socket, 'connect');
    return new RawConnection(socket);
  }

  /** Sends requests without bodies, all at once. @param headers lines, each with its line break. */
  get(paths: readonly string[], headers = ''): this {
    this.socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`).join(''));
    return this;
  }

  /** Sends the head of a request that announces a body. */
  announce(path: string, bodyBytes: number, headers = ''): this {
    const head = [
      `POST ${path} HTTP/1.1`,
      'Host: x',
      'Content-Type: application/json',
      `Content-Length: ${bodyBytes}`,
      'Expect: 100-continue',
    ];
    this.socket.write(`${head.join('\r\n')}\r\n${headers}\r\n`);
    return this;
  }

  /** Status codes of the replies so far, in their order. */
  get statuses(): number[] {
    return [...this.received.matchAll(/^HTTP\/1\.1 (?!100)(\d{3})/gm)].map(([, status]) => Number(status));
  }

  close(): void {
    this.socket.destroy();
  }
}
