import { once } from 'node:events';
import { createServer, connect as dial, type Server, type Socket } from 'node:net';

/** What happens to the next COMMIT: it is done and its reply is lost, or it is lost itself. */
export type Loss = 'reply' | 'request';

/**
 * A TCP proxy before a MySQL server that cuts connections in the middle of COMMIT, and can delay what a server sends
 * to an idle connection.
 */
export class LossyProxy {
  /** COMMITs to lose, one after the other; then everything passes. */
  readonly losses: Loss[] = [];
  /** While set, data from the server is passed on only after its client has sent something. */
  holdsBack = false;
  /** Number of connections with data held back. */
  held = 0;
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly target: URL,
  ) {}

  static async before(serverUrl: string): Promise<LossyProxy> {
    const server = createServer();
    const proxy = new LossyProxy(server, new URL(serverUrl));
    server.on('connection', (client) => proxy.accept(client));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  /** The server's URL through the proxy. */
  get url(): string {
    const address = this.server.address();
    const url = new URL(this.target);
    if (typeof address === 'object' && address) url.port = String(address.port);
    return url.toString();
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  private accept(client: Socket): void {
    const late: Buffer[] = [];
    const server = dial(Number(this.target.port), this.target.hostname);
    for (const socket of [client, server]) {
      this.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.sockets.delete(socket);
        // With data held back, the client is closed later.
        if (late.length === 0) client.destroy();
        // The server may still be at work on what it was sent.
        server.end();
      });
    }
    client.on('data', (data) => {
      if (late.length > 0) {
        // As if the data had crossed the client's message on the network.
        this.held--;
        client.write(Buffer.concat(late.splice(0)));
        return;
      }
      const loss = data.includes('COMMIT') ? this.losses.shift() : undefined;
      if (loss !== 'request') server.write(data);
      if (loss) client.destroy();
    });
    server.on('data', (data) => {
      if (!this.holdsBack) client.write(data);
      else if (late.push(data) === 1) this.held++;
    });
  }
}
