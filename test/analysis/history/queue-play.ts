import fc from 'fast-check';
import { shuffledPlaces } from '../../../src/domain/shuffle.js';
import type { Position } from '../../../src/event-store/port.js';
import type { OrderId, TokenId } from '../../../src/events/ids.js';
import { streams } from '../../../src/events/streams.js';
import { type History, id, minute } from '../../projections/history.js';
import { performanceId } from './hall.js';

export const seed = 'ab'.repeat(32);
export const fans = Array.from({ length: 8 }, (_, n) => `fan ${n}`);
export const tokenOf = (fan: string) => ({ tokenId: id<TokenId>(fan), userId: id(fan), performanceId });

export type Step =
  | { readonly kind: 'join' | 'enter' | 'leave' | 'complete' | 'expire'; readonly fan: number }
  | { readonly kind: 'open' }
  | { readonly kind: 'admit'; readonly count: number };

const fan = fc.nat({ max: fans.length - 1 });
export const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('join' as const), fan }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('open' as const) }) },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant('admit' as const), count: fc.integer({ min: 1, max: 3 }) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constantFrom('enter', 'leave', 'complete', 'expire'), fan }),
    },
  ),
  { maxLength: 40 },
);

/** Writes what a queue could have come to: everybody joins once or twice, is let in by place, and ends somehow. */
export class Play {
  readonly #joined = new Map<number, number>();
  readonly #ended = new Set<number>();
  #numbers = 0;
  #shuffled: number | undefined;
  #admittedUpTo = 0;

  constructor(private readonly history: History) {}

  async step(step: Step): Promise<Position | undefined> {
    switch (step.kind) {
      case 'open':
        if (this.#shuffled !== undefined) return undefined;
        this.#shuffled = this.#numbers;
        return this.history.add(streams.admission(performanceId), {
          type: 'QueueOpened',
          data: { performanceId, seed, shuffledCount: this.#numbers },
        });
      case 'admit': {
        const from = this.#admittedUpTo;
        const to = Math.min(from + step.count, this.#numbers);
        if (this.#shuffled === undefined || to <= from) return undefined;
        this.#admittedUpTo = to;
        const window = { admittedAt: minute(0), expiresAt: minute(1_000), nextAt: minute(0) };
        return this.history.add(streams.admission(performanceId), {
          type: 'TokensAdmitted',
          data: { performanceId, from, to, ...window },
        });
      }
      case 'join':
        return this.#join(step.fan);
      default:
        return this.#move(step.kind, step.fan);
    }
  }

  async #join(n: number): Promise<Position> {
    const token = tokenOf(fans[n] ?? '');
    if (!this.#joined.has(n)) {
      this.#joined.set(n, this.#numbers);
      const requested = { ...token, entry: 0, numberOfTickets: 1, seatLimit: 4 };
      await this.history.add(streams.token(token.tokenId), { type: 'TokenRequested', data: requested });
    }
    this.#numbers += 1;
    const issued = { type: 'TokenIssued', data: { ...token, numberOfTickets: 1 } } as const;
    return this.history.add(streams.queue(performanceId), issued);
  }

  async #move(kind: 'enter' | 'leave' | 'complete' | 'expire', n: number): Promise<Position | undefined> {
    const number = this.#joined.get(n);
    if (number === undefined || this.#ended.has(n)) return undefined;
    const token = tokenOf(fans[n] ?? '');
    const stream = streams.token(token.tokenId);
    const places = shuffledPlaces(seed, this.#shuffled ?? 0);
    const place = places[number] ?? number;
    const isIn = this.#shuffled !== undefined && place < this.#admittedUpTo;
    if (kind === 'enter') {
      if (!isIn) return undefined;
      const data = { ...token, place, admittedAt: minute(0), expiresAt: minute(1_000) };
      return this.history.add(stream, { type: 'TokenEntered', data });
    }
    this.#ended.add(n);
    if (kind === 'leave') return this.history.add(stream, { type: 'TokenLeft', data: token });
    if (kind === 'complete') {
      return this.history.add(stream, {
        type: 'TokenCompleted',
        data: { ...token, orderId: id<OrderId>('o') },
      });
    }
    return this.history.add(stream, { type: 'TokenExpired', data: { ...token, reason: 'sale-ended' } });
  }
}
