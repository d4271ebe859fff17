import fc from 'fast-check';
import { logHistories } from '../../../src/analysis/history/log-histories.js';
import type { Moment } from '../../../src/analysis/history/port.js';
import { shuffledPlaces } from '../../../src/domain/shuffle.js';
import type { Position } from '../../../src/event-store/port.js';
import type { Instant, OrderId, ScheduleId, TokenId } from '../../../src/events/ids.js';
import { streams } from '../../../src/events/streams.js';
import { closeAll, History, id, minute } from '../../projections/history.js';
import { asking, clockAt } from '../../queries/asking.js';
import { performanceId, publishHall } from './hall.js';

const seed = 'ab'.repeat(32);
const fans = Array.from({ length: 8 }, (_, n) => `fan ${n}`);
const tokenOf = (fan: string) => ({ tokenId: id<TokenId>(fan), userId: id(fan), performanceId });

type Step =
  | { readonly kind: 'join' | 'enter' | 'leave' | 'complete' | 'expire'; readonly fan: number }
  | { readonly kind: 'open' }
  | { readonly kind: 'admit'; readonly count: number };

const fan = fc.nat({ max: fans.length - 1 });
const steps = fc.array(
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
class Play {
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

afterEach(closeAll);

describe('a queue of the past', () => {
  it('is what the read models said then, for everybody and for each fan', async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.nat({ max: 40 }), async (wanted, cut) => {
        const before = new History();
        const whole = new History();
        await publishHall(before, [id<ScheduleId>('night')], minute(0));
        await publishHall(whole, [id<ScheduleId>('night')], minute(0));
        const playBefore = new Play(before);
        const playWhole = new Play(whole);
        for (const [n, step] of wanted.entries()) {
          if (n < cut) await playBefore.step(step);
          await playWhole.step(step);
        }
        // Both logs begin alike: the shorter one is what was known at its head.
        const head = await before.store.head();
        if (head === undefined) throw new Error('a hall was published');
        const moment: Moment = { kind: 'position', position: head };
        const histories = logHistories(whole.store, clockAt(minute(900)));
        const { queries } = await asking(before, minute(900));
        const then = await histories.queue(performanceId, moment);
        // What the past does not tell: how the sale stood, and guesses.
        const noSale = { sale: null, saleEndsAt: null };
        const queue = await queries.queue(performanceId);
        expect(withoutMoment(then)).toEqual({ ...queue, ...noSale, freeSeats: null });
        for (const name of fans) {
          const token = tokenOf(name);
          const live = await queries.queueToken(token.tokenId);
          const past = await histories.queueToken(token, moment);
          if (live === null) expect(past.kind).not.toBe('known');
          else {
            const noGuesses = { estimatedWaitSeconds: null, seatsMayRunOut: null };
            expect(withoutMoment(past)).toEqual({ ...live, ...noSale, ...noGuesses });
          }
        }
        await closeAll();
      }),
      { numRuns: 8 },
    );
  });

  it('ends a turn at its deadline, and says what came before', async () => {
    const history = new History();
    await publishHall(history, [id<ScheduleId>('night')], minute(0));
    const token = tokenOf('Minji');
    const requested = { ...token, entry: 0, numberOfTickets: 2, seatLimit: 4 };
    const add = (stream: Parameters<History['add']>[0], event: Parameters<History['add']>[1], at: Instant) =>
      history.add(stream, event, at);
    await add(streams.token(token.tokenId), { type: 'TokenRequested', data: requested }, minute(1));
    await add(
      streams.queue(performanceId),
      { type: 'TokenIssued', data: { ...token, numberOfTickets: 2 } },
      minute(1),
    );
    const opening = { performanceId, seed, shuffledCount: 1 };
    await add(streams.admission(performanceId), { type: 'QueueOpened', data: opening }, minute(2));
    const admittedAt = minute(3);
    const range = { performanceId, from: 0, to: 1, admittedAt, expiresAt: minute(4), nextAt: admittedAt };
    await add(streams.admission(performanceId), { type: 'TokensAdmitted', data: range }, minute(3));
    const histories = logHistories(history.store, clockAt(minute(60)));
    const statusAt = async (at: Instant) => {
      const then = await histories.queueToken(token, { kind: 'time', at });
      return then.kind === 'known' ? then.reply.status : then;
    };
    expect(await statusAt(minute(0))).toEqual({ kind: 'not-yet', since: minute(1) });
    expect(await statusAt(minute(2))).toBe('waiting');
    expect(await statusAt(minute(3))).toBe('admitted');
    expect(await statusAt(minute(4))).toBe('expired');
    const asked = {
      viewer: { kind: 'operator' } as const,
      page: { limit: 20, cursor: null },
      language: 'en' as const,
    };
    const why = await histories.whyQueueToken(token, asked);
    expect(why?.items.map(({ type }) => type)).toEqual([
      'TokensAdmitted',
      'QueueOpened',
      'TokenIssued',
      'TokenRequested',
    ]);
    expect(why?.summary).toContain('turn was lost');
  });
});

/** The reply without the moment it shows. */
function withoutMoment(then: { readonly kind: string; readonly reply?: object }) {
  if (!then.reply) return then;
  const { asOf: _, ...reply } = then.reply as { readonly asOf: unknown };
  return reply;
}
