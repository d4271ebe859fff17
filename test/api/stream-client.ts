import { randomUUID } from 'node:crypto';
import type { InMemoryEventStore } from '../../src/event-store/in-memory-event-store.js';
import type { Position } from '../../src/event-store/port.js';
import {
  holdIdSchema,
  type Instant,
  scheduleIdSchema,
  seatIdSchema,
  toInstant,
} from '../../src/events/ids.js';
import { type DomainEvent, encodeEvent } from '../../src/events/registry.js';
import { type StreamName, streams } from '../../src/events/streams.js';
import { scheduleId, tokenId, userId } from './api-under-test.js';

const at: Instant = toInstant(0);
const hold = {
  scheduleId: scheduleIdSchema.parse(scheduleId),
  holdId: holdIdSchema.parse('99999999-9999-4999-8999-999999999999'),
  userId,
};

/** Appends any event; the position it got. */
export async function append(
  store: InMemoryEventStore,
  stream: StreamName,
  event: DomainEvent,
): Promise<Position> {
  const encoded = encodeEvent(event, {
    commandId: randomUUID(),
    correlationId: 'test',
    causationId: 'test',
    actor: { kind: 'user', userId },
    occurredAt: at,
  });
  return (await store.append(stream, 'any', [{ id: randomUUID(), ...encoded }])).position;
}

/** Holds or releases a seat. @param availableFrom when a released seat is on sale again. */
export function changeSeat(
  store: InMemoryEventStore,
  seat: string,
  change: 'held' | 'free',
  availableFrom?: Instant,
): Promise<Position> {
  const seatId = seatIdSchema.parse(seat);
  const stream = streams.seat(hold.scheduleId, seatId);
  if (change === 'free') {
    const returns = availableFrom === undefined ? {} : { availableFrom };
    const data = { ...hold, seatId, reason: 'released', ...returns } as const;
    return append(store, stream, { type: 'SeatHoldReleased', data });
  }
  const data = { ...hold, seatId, tokenId, price: 9, expiresAt: at };
  return append(store, stream, { type: 'SeatHeld', data });
}

/** A client of an event stream. */
export class StreamClient {
  text = '';
  ended = false;
  readonly #abort = new AbortController();
  readonly #done: Promise<void>;

  private constructor(
    readonly response: Response,
    abort: AbortController,
  ) {
    this.#abort = abort;
    this.#done = this.#read();
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<StreamClient> {
    const abort = new AbortController();
    return new StreamClient(await fetch(url, { headers, signal: abort.signal }), abort);
  }

  /** The data of the messages of one kind so far. */
  messages(event: string): unknown[] {
    const matches = this.text.matchAll(new RegExp(`event: ${event}\\n(?:id: \\d+\\n)?data: (.*)\\n\\n`, 'g'));
    return [...matches].map(([, data]) => JSON.parse(data ?? 'null'));
  }

  /** Disconnects. */
  async close(): Promise<void> {
    this.#abort.abort();
    await this.#done;
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    try {
      for await (const chunk of this.response.body ?? [])
        this.text += decoder.decode(chunk, { stream: true });
    } catch {
      // Disconnected, by us or by the server.
    }
    this.ended = true;
  }
}
