import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { clientOf, type Trust } from '../platform/client-address.js';
import { DeadlineQueue } from '../platform/deadline-queue.js';
import { InMemoryRateLimiter } from './rate-limiter.js';

export interface ConnectionLimits {
  /** Open connections of this process; more are closed as soon as they are accepted. */
  readonly max: number;
  /** Those of one address. 0: no limit. */
  readonly maxPerAddress: number;
  /** One more of an address is closed after this time, ms: a client that connects again at once is kept from doing so. */
  readonly refuseAfterMs: number;
  /** Requests of one connection that wait while an earlier one is answered; a client that sends more is disconnected. */
  readonly maxPipelined: number;
  /** A client that takes nothing of its reply for this time, plus the time that `slowestBytesPerSecond` allows, is disconnected. */
  readonly takeReplyMs: number;
  readonly slowestBytesPerSecond: number;
  /** Bytes of all replies that are written and not taken; beyond it those that wait for the longest time are given up. */
  readonly maxUntakenBytes: number;
}

/** Why a connection was ended before its time: its address had too many, it sent too many requests, or it took no reply. */
export type EndedFor = 'address' | 'pipelining' | 'untaken';

/** One request and its reply. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

interface Connection {
  readonly socket: Socket;
  /** Undefined for a proxy, which speaks for many. */
  readonly client: string | undefined;
  /** The reply that is being made or sent. */
  answering: ServerResponse | undefined;
  /** In order of arrival. */
  readonly waiting: Exchange[];
  /** Nothing that it sends is looked at any more. */
  isOver: boolean;
  /** Bytes the client had taken when it was last seen to take some. */
  taken: number;
  /** When it must have taken more, on the clock of `performance.now`; undefined while nothing waits for it. */
  takeBefore: number | undefined;
}

/** A connection that sent too many requests at once costs a whole packet of them: so often in a minute an address may. */
const overrunsPerMinute = 10;
const maxRemembered = 100_000;
const sweepEveryMs = 1_000;
/** Refused connections that are not closed yet. Each costs a file descriptor and a buffer. */
const maxRefused = 500;

/**
 * The open connections, and what one of them and one address may take of this process.
 *
 * Requests of a connection are answered one at a time: those that arrive earlier wait, a few of them, and cost nothing but
 * their headers. So a client that sends many and reads nothing makes the process keep one reply, and a reply to a client
 * that has gone is never made, which Node would not report.
 */
export class Connections {
  readonly #open = new Map<Socket, Connection>();
  readonly #perClient = new Map<string, number>();
  readonly #overruns: InMemoryRateLimiter;
  readonly #refused = new DeadlineQueue<Socket, Socket>((socket) => socket.destroy(), {
    keepsProcess: false,
  });
  /** For {@link dropUnused}. */
  readonly #refusedSockets = new Set<Socket>();
  #handle: RequestListener = () => undefined;
  /** Connections ended since the start. */
  readonly ended: Record<EndedFor, number> = { address: 0, pipelining: 0, untaken: 0 };

  /** @param trust connections of trusted proxies are not limited by address. */
  constructor(
    private readonly limits: ConnectionLimits,
    private readonly trust: Trust,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#overruns = new InMemoryRateLimiter(overrunsPerMinute, maxRemembered, now);
  }

  /** How many are open. */
  get open(): number {
    return this.#open.size;
  }

  /**
   * Bounds what a server accepts. Call it before the server listens, once its listener for requests is there.
   * @param onAccepted is called with each connection that is not refused.
   */
  watch(server: Server, onAccepted: () => void): void {
    this.#handle = onlyListener<RequestListener>(server, 'request');
    server.on('request', (request: IncomingMessage, response: ServerResponse) =>
      this.#arrived(request, response),
    );
    // Before Node's own listener: a parser and its timers cost several times as much as a connection that is refused.
    const serve = onlyListener<(socket: Socket) => void>(server, 'connection');
    server.on('connection', (socket: Socket) => {
      if (!this.#admit(socket)) return;
      onAccepted();
      serve.call(server, socket);
    });
    server.maxConnections = this.limits.max;
    const sweeping = setInterval(() => this.sweep(), sweepEveryMs);
    sweeping.unref();
    server.once('close', () => clearInterval(sweeping));
  }

  /** Closes refused ones, and those on which nothing has ever been sent, as browsers open them ahead of time. */
  dropUnused(): void {
    for (const socket of this.#refusedSockets) socket.destroy();
    for (const socket of this.#open.keys()) if (socket.bytesRead === 0) socket.destroy();
  }

  /** Disconnects clients that do not take their replies. Called every second. */
  sweep(): void {
    const now = this.now();
    let untakenBytes = 0;
    const untaken: { readonly socket: Socket; readonly bytes: number; readonly takeBefore: number }[] = [];
    for (const connection of this.#open.values()) {
      const { socket, answering } = connection;
      const bytes = answering === undefined ? 0 : socket.writableLength;
      if (bytes === 0) {
        connection.takeBefore = undefined;
        continue;
      }
      const taken = socket.bytesWritten - bytes;
      if (connection.takeBefore === undefined || taken !== connection.taken) {
        connection.taken = taken;
        const { takeReplyMs, slowestBytesPerSecond } = this.limits;
        connection.takeBefore = now + takeReplyMs + (bytes / slowestBytesPerSecond) * 1_000;
      } else if (now >= connection.takeBefore) {
        this.#end(socket, 'untaken');
        continue;
      }
      untakenBytes += bytes;
      untaken.push({ socket, bytes, takeBefore: connection.takeBefore });
    }
    if (untakenBytes <= this.limits.maxUntakenBytes) return;
    untaken.sort((one, other) => one.takeBefore - other.takeBefore);
    for (const { socket, bytes } of untaken) {
      if (untakenBytes <= this.limits.maxUntakenBytes) return;
      untakenBytes -= bytes;
      this.#end(socket, 'untaken');
    }
  }

  #admit(socket: Socket): boolean {
    const { remoteAddress } = socket;
    if (remoteAddress === undefined) {
      // Gone already.
      socket.destroy();
      return false;
    }
    const client = this.trust(remoteAddress, 0) ? undefined : clientOf(remoteAddress);
    if (client !== undefined) {
      const count = this.#perClient.get(client) ?? 0;
      const { maxPerAddress } = this.limits;
      if ((maxPerAddress > 0 && count >= maxPerAddress) || this.#overruns.isSpent(client)) {
        this.#refuse(socket);
        return false;
      }
      this.#perClient.set(client, count + 1);
    }
    const connection: Connection = {
      socket,
      client,
      answering: undefined,
      waiting: [],
      isOver: false,
      taken: 0,
      takeBefore: undefined,
    };
    this.#open.set(socket, connection);
    socket.once('close', () => this.#closed(connection));
    return true;
  }

  /** Closes a connection later; nothing that it sends is looked at. */
  #refuse(socket: Socket): void {
    this.ended.address++;
    // Nobody else listens to it.
    socket.on('error', () => undefined);
    const { refuseAfterMs } = this.limits;
    if (refuseAfterMs === 0 || this.#refusedSockets.size >= maxRefused) {
      socket.destroy();
      return;
    }
    this.#refusedSockets.add(socket);
    this.#refused.set(socket, refuseAfterMs, socket);
    socket.once('close', () => {
      this.#refusedSockets.delete(socket);
      this.#refused.delete(socket);
    });
  }

  #closed({ socket, client, waiting }: Connection): void {
    waiting.length = 0;
    this.#open.delete(socket);
    if (client === undefined) return;
    const left = (this.#perClient.get(client) ?? 1) - 1;
    if (left > 0) this.#perClient.set(client, left);
    else this.#perClient.delete(client);
  }

  #arrived(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.#open.get(request.socket);
    // It was refused, and this had been sent before the client could know.
    if (!connection || connection.isOver) return;
    if (connection.answering === undefined) this.#answer(connection, request, response);
    else if (connection.waiting.length < this.limits.maxPipelined)
      connection.waiting.push({ request, response });
    else this.#overrun(connection);
  }

  #answer(connection: Connection, request: IncomingMessage, response: ServerResponse): void {
    connection.answering = response;
    response.once('close', () => {
      connection.answering = undefined;
      const next = connection.waiting.shift();
      // Without a socket its reply could not be sent: the connection is closing.
      if (next?.response.socket) this.#answer(connection, next.request, next.response);
    });
    this.#handle(request, response);
  }

  #overrun(connection: Connection): void {
    connection.isOver = true;
    if (connection.client !== undefined) this.#overruns.takeNow(connection.client);
    this.#end(connection.socket, 'pipelining');
  }

  #end(socket: Socket, why: EndedFor): void {
    this.ended[why]++;
    socket.destroy();
  }
}

/** Takes away the one listener of an event, to be called by another one. */
function onlyListener<Listener>(server: Server, event: string): Listener {
  const [listener, ...others] = server.listeners(event);
  if (!listener || others.length > 0) throw new Error(`the server must have one listener for ${event}`);
  server.removeAllListeners(event);
  return listener as Listener; // whoever asks knows the event
}
