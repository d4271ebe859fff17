import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { clientOf } from '../../platform/client-address.js';
import { inSlices } from '../../platform/time-slices.js';
import { API_SETTINGS, type ApiSettings, type SseSettings } from '../api-settings.js';
import { ApiProblem, retryAfter } from '../problems/problem.js';
import { securityHeaders } from '../security-headers.js';

/**
 * One message of an event stream as it goes over the wire (WHATWG HTML, section 9.2). The data is JSON, which
 * has no line breaks outside its strings' escapes, so one `data` line suffices.
 * @param id what the client sends back as Last-Event-ID when it reconnects.
 */
export function sseMessage(event: string, data: unknown, id?: number): string {
  const idLine = id === undefined ? '' : `id: ${id}\n`;
  return `event: ${event}\n${idLine}data: ${JSON.stringify(data)}\n\n`;
}

/** A line clients ignore: keeps proxies from closing a silent stream. */
const heartbeat = Buffer.from(': still here\n\n');

/** A message ready for the wire; one that many clients get is encoded once. */
export type WireMessage = string | Buffer;

/** One client's open stream. */
export interface EventStream {
  /** Sends a message; a client too slow to take what was sent before is disconnected instead. */
  send(message: WireMessage): void;
  /** Ends it: nothing more will be sent. */
  end(): void;
  /** Runs once the stream has ended, on either side. */
  onClose(listener: () => void): void;
}

/**
 * The open event streams of this process. Their number, that of one address and the bytes that wait for a slow client are bounded; one timer
 * sends the heartbeats of all; they are ended before the process shuts down.
 */
@Injectable()
export class EventStreams implements BeforeApplicationShutdown {
  readonly #settings: SseSettings;
  readonly #open = new Set<FastifyReply['raw']>();
  readonly #perClient = new Map<string, number>();
  #heartbeats: NodeJS.Timeout | undefined;
  #isClosing = false;

  constructor(@Inject(API_SETTINGS) { sse }: Pick<ApiSettings, 'sse'>) {
    this.#settings = sse;
  }

  /** How many clients are connected. */
  get connections(): number {
    return this.#open.size;
  }

  /** @throws {ApiProblem} unavailable, too-many-requests; before anything is sent */
  open(request: FastifyRequest, reply: FastifyReply): EventStream {
    if (this.#isClosing || this.#open.size >= this.#settings.maxConnections) {
      const detail = {
        en: 'Too many live streams are open: try again later, or ask now and then instead.',
        ko: '실시간 연결이 너무 많습니다. 나중에 다시 시도하거나 주기적으로 조회해 주세요.',
      };
      throw new ApiProblem('unavailable', detail, { headers: retryAfter(5) });
    }
    const client = clientOf(request.ip);
    const { maxPerAddress } = this.#settings;
    if (maxPerAddress > 0 && (this.#perClient.get(client) ?? 0) >= maxPerAddress) {
      const detail = {
        en: 'Too many live streams are open from your network: close some, or ask now and then instead.',
        ko: '같은 네트워크에서 연 실시간 연결이 너무 많습니다. 일부를 닫거나 주기적으로 조회해 주세요.',
      };
      throw new ApiProblem('too-many-requests', detail, { headers: retryAfter(5), limit: 'live-streams' });
    }
    const { raw } = reply;
    const headers = {
      ...securityHeaders,
      'Content-Type': 'text/event-stream; charset=utf-8',
      'X-Accel-Buffering': 'no',
      'X-Request-Id': request.id,
    };
    reply.hijack();
    raw.writeHead(200, headers);
    if (request.method === 'HEAD') raw.end();
    else if (!raw.destroyed) this.#keep(raw, client);
    return {
      send: (message) => this.#write(raw, message),
      end: () => void raw.end(),
      onClose: (listener) => (raw.destroyed ? listener() : raw.once('close', listener)),
    };
  }

  beforeApplicationShutdown(): void {
    this.#isClosing = true;
    clearInterval(this.#heartbeats);
    for (const raw of this.#open) raw.end();
  }

  #keep(raw: FastifyReply['raw'], client: string): void {
    this.#open.add(raw);
    this.#perClient.set(client, (this.#perClient.get(client) ?? 0) + 1);
    // Tells the client's library at once that it is connected, and how soon to come back (milliseconds).
    raw.write('retry: 2000\n\n');
    this.#heartbeats ??= setInterval(() => {
      void inSlices([...this.#open], (stream) => this.#write(stream, heartbeat));
    }, this.#settings.heartbeatMs);
    raw.once('close', () => {
      this.#open.delete(raw);
      const left = (this.#perClient.get(client) ?? 1) - 1;
      if (left > 0) this.#perClient.set(client, left);
      else this.#perClient.delete(client);
      if (this.#open.size > 0) return;
      clearInterval(this.#heartbeats);
      this.#heartbeats = undefined;
    });
  }

  #write(raw: FastifyReply['raw'], message: WireMessage): void {
    if (raw.writableEnded || raw.destroyed) return;
    if (raw.writableLength > this.#settings.maxBufferedBytes) raw.destroy();
    else raw.write(message);
  }
}
