import fc from 'fast-check';
import { logHistories } from '../../../src/analysis/history/log-histories.js';
import type { Moment } from '../../../src/analysis/history/port.js';
import type { Instant, ScheduleId } from '../../../src/events/ids.js';
import { streams } from '../../../src/events/streams.js';
import { closeAll, History, id, minute } from '../../projections/history.js';
import { asking, clockAt } from '../../queries/asking.js';
import { performanceId, publishHall } from './hall.js';
import { fans, Play, seed, steps, tokenOf } from './queue-play.js';

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
