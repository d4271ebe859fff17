import { connect } from 'node:net';

/** One fan's live stream on a connection of its own. Understands one message in one chunk, which the office sends. */
export class LivePlace {
  readonly #close: () => void;

  /**
   * @param told each message: its event and its data.
   * @param ended the stream has ended or never began, with the status line.
   */
  constructor(
    url: URL,
    path: string,
    headers: string,
    told: (event: string, data: unknown) => void,
    ended: (head: string) => void,
  ) {
    const socket = connect(Number(url.port), url.hostname).setNoDelay(true).setEncoding('utf8');
    socket.write(`GET ${path} HTTP/1.1\r\nHost: ${url.host}\r\nAccept: text/event-stream\r\n${headers}\r\n`);
    let head = '';
    let rest = '';
    let isClosed = false;
    socket.on('data', (text: string) => {
      rest += text;
      if (head === '') {
        const headEnd = rest.indexOf('\r\n\r\n');
        if (headEnd === -1) return;
        head = rest.slice(0, headEnd);
        rest = rest.slice(headEnd + 4);
      }
      for (let end = rest.indexOf('\n\n'); end !== -1 && !isClosed; end = rest.indexOf('\n\n')) {
        const message = rest.slice(0, end);
        rest = rest.slice(end + 2);
        const data = /^data: (.*)$/m.exec(message)?.[1];
        if (data !== undefined) told(/^event: (.*)$/m.exec(message)?.[1] ?? 'message', JSON.parse(data));
      }
    });
    // 'close' follows.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (!isClosed) ended(head.split('\r\n')[0] ?? '');
    });
    this.#close = () => {
      isClosed = true;
      socket.destroy();
    };
  }

  close(): void {
    this.#close();
  }
}
