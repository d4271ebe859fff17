import type { Command } from '@nestjs/cqrs';
import { AdvanceCheckout } from '../../src/commands/orders/checkout-process.js';
import { AdvanceCharge } from '../../src/commands/wallet/charge-points.js';
import {
  type ChargeId,
  chargeIdSchema,
  type Instant,
  type OrderId,
  orderIdSchema,
  toInstant,
} from '../../src/events/ids.js';
import { deriveId } from '../../src/platform/derive-id.js';
import type { Commands } from '../../src/processes/periodic-task.js';
import { Recovery } from '../../src/processes/recovery.js';
import type { OpenItem } from '../../src/queries/paging.js';
import { ManualClock } from '../commands/manual-clock.js';
import { eventually } from '../services/wait-until.js';
import { RecordedLog } from './support.js';

const order = orderIdSchema.parse(deriveId('an order'));
const charge = chargeIdSchema.parse(deriveId('a charge'));
const never = 1_000_000;

class SentCommands implements Commands {
  readonly sent: Command<unknown>[] = [];
  constructor(
    private readonly failing: (command: Command<unknown>) => boolean = () => false,
    private readonly chargeStatus: 'credited' | 'pending' = 'credited',
  ) {}

  async execute<Result>(command: Command<Result>): Promise<Result> {
    this.sent.push(command);
    if (this.failing(command)) throw new Error('not now');
    return { status: this.chargeStatus, cause: 'not decided' } as Result; // all that recovery looks at
  }
}

/** Work whose last change was at `changedAt`. */
function openSince(changedAt: Instant) {
  return {
    openOrders: async (olderThan: Instant) => pageOf([{ id: order, updatedAt: changedAt }], olderThan),
    openCharges: async (olderThan: Instant) => pageOf([{ id: charge, updatedAt: changedAt }], olderThan),
  };
}

/** A page as the queries give it. @param items those changed last first. */
function pageOf<Id>(
  items: readonly OpenItem<Id>[],
  olderThan: Instant,
  after: OpenItem<Id> | null = null,
  limit = 200,
): OpenItem<Id>[] {
  const from = after === null ? 0 : items.findIndex((item) => item.id === after.id) + 1;
  return items
    .slice(from)
    .filter(({ updatedAt }) => updatedAt < olderThan)
    .slice(0, limit);
}

describe('the recovery process', () => {
  it('takes up at once what was open before it started', async () => {
    const clock = new ManualClock();
    const commands = new SentCommands();
    const before = toInstant(clock.nowMs() - 1);
    const recovery = new Recovery(commands, openSince(before), clock, new RecordedLog(), 60_000, never);
    recovery.start();
    await eventually(() => commands.sent.length === 2);
    await recovery.stop();
    const checkouts = commands.sent.filter((command) => command instanceof AdvanceCheckout);
    const charges = commands.sent.filter((command) => command instanceof AdvanceCharge);
    expect([checkouts[0]?.orderId, charges[0]?.chargeId]).toEqual([order, charge]);
  });

  it('leaves to its request what was begun a moment ago, and takes it up when it is stale', async () => {
    const clock = new ManualClock();
    const begun = clock.now();
    let looks = 0;
    const open = openSince(begun);
    const counting = {
      openOrders(olderThan: Instant) {
        looks++;
        return open.openOrders(olderThan);
      },
      openCharges: open.openCharges,
    };
    const commands = new SentCommands();
    const recovery = new Recovery(commands, counting, clock, new RecordedLog(), 10_000, 1);
    recovery.start();
    await eventually(() => looks > 2);
    expect(commands.sent).toEqual([]);
    clock.advance(10_001);
    await eventually(() => commands.sent.some((command) => command instanceof AdvanceCheckout));
    await recovery.stop();
  });

  it('resumes the others while more orders than fit in a round fail, and says so in a few lines', async () => {
    const clock = new ManualClock();
    const log = new RecordedLog();
    const updatedAt = toInstant(clock.nowMs() - 1);
    const all = Array.from({ length: 401 }, (_, index) => ({
      id: orderIdSchema.parse(deriveId(`order ${index}`)),
      updatedAt,
    }));
    const last = all.at(-1)?.id;
    const commands = new SentCommands(
      (command) => command instanceof AdvanceCheckout && command.orderId !== last,
    );
    const queries = {
      openOrders: async (olderThan: Instant, after: OpenItem<OrderId> | null, limit: number) =>
        pageOf(all, olderThan, after, limit),
      openCharges: async () => [],
    };
    const recovery = new Recovery(commands, queries, clock, log, 60_000, 1);
    recovery.start();
    await eventually(() =>
      commands.sent.some((command) => command instanceof AdvanceCheckout && command.orderId === last),
    );
    await recovery.stop();
    expect(log.lines.filter(({ level }) => level === 'error')).toHaveLength(21);
  });

  it('is not stopped by one that fails', async () => {
    const clock = new ManualClock();
    const log = new RecordedLog();
    const commands = new SentCommands((command) => command instanceof AdvanceCheckout);
    const before = toInstant(clock.nowMs() - 1);
    const recovery = new Recovery(commands, openSince(before), clock, log, 60_000, 1);
    recovery.start();
    await eventually(() => {
      clock.advance(60_000);
      return commands.sent.filter((command) => command instanceof AdvanceCheckout).length > 1;
    });
    await recovery.stop();
    expect(log.lines.some((line) => line.level === 'error')).toBe(true);
  });

  it.each([200, 10_000])(
    'resumes a new charge soon while %i stuck ones take a time-out each',
    async (count) => {
      const clock = new ManualClock();
      const log = new RecordedLog();
      const begunAtMs = clock.nowMs();
      const stuck = Array.from({ length: count }, (_, index) => ({
        id: chargeIdSchema.parse(deriveId(`stuck ${index}`)),
        updatedAt: toInstant(begunAtMs - 1 - index),
      }));
      let open: OpenItem<ChargeId>[] = stuck;
      const tried = new Map<ChargeId, number>();
      let widestPage = 0;
      const commands: Commands = {
        async execute<Result>(command: Command<Result>): Promise<Result> {
          if (!(command instanceof AdvanceCharge)) throw new Error('no other command is expected');
          tried.set(command.chargeId, (tried.get(command.chargeId) ?? 0) + 1);
          // Ten wait for the payment system at the same time, five seconds each.
          clock.advance(500);
          return { status: 'pending', cause: 'no answer' } as Result; // all that recovery looks at
        },
      };
      const queries = {
        openOrders: async () => [],
        async openCharges(olderThan: Instant, after: OpenItem<ChargeId> | null, limit: number) {
          const page = pageOf(open, olderThan, after, limit);
          widestPage = Math.max(widestPage, page.length);
          return page;
        },
      };
      const recovery = new Recovery(commands, queries, clock, log, 1_000, 1);
      recovery.start();
      const attempts = () => [...tried.values()].reduce((sum, one) => sum + one, 0);
      await eventually(() => attempts() > 100, { everyMs: 1 });
      open = [{ id: charge, updatedAt: clock.now() }, ...stuck];
      const before = attempts();
      clock.advance(2_000);
      let waited = 0;
      await eventually(
        () => {
          if (tried.has(charge)) waited ||= attempts() - before;
          return tried.has(charge);
        },
        { everyMs: 1 },
      );
      // One round takes ten seconds: twenty charges that take half a second of the clock each, and those under way.
      expect(waited).toBeLessThanOrEqual(90);
      // The others get their turn too.
      await eventually(() => tried.size > Math.min(count, 1_000), { everyMs: 1 });
      await recovery.stop();
      expect(widestPage).toBeLessThanOrEqual(200);
      expect(log.lines.filter(({ level }) => level === 'error')).toEqual([]);
      expect(log.lines.filter(({ level }) => level === 'warn').length).toBeLessThanOrEqual(21);
    },
  );

  it('asks again about a charge that is pending, less and less often, and reports it once', async () => {
    const clock = new ManualClock();
    const log = new RecordedLog();
    const commands = new SentCommands(undefined, 'pending');
    const before = toInstant(clock.nowMs() - 1);
    let looks = 0;
    const queries = {
      openOrders: async () => [],
      async openCharges(olderThan: Instant) {
        looks++;
        return pageOf([{ id: charge, updatedAt: before }], olderThan);
      },
    };
    const recovery = new Recovery(commands, queries, clock, log, 1_000, 1);
    recovery.start();
    const lookOnce = async () => {
      const seen = looks;
      await eventually(() => looks > seen + 1, { everyMs: 1 });
    };
    // With a first delay of 1 ms, the delays are 1, 2, 4, … 8,192 ms in the first sixteen seconds.
    for (let ms = 0; ms < 64; ms++) {
      await lookOnce();
      clock.advance(1);
    }
    await lookOnce();
    await recovery.stop();
    expect(commands.sent).toHaveLength(7);
    expect(log.lines.filter(({ level }) => level !== 'info')).toHaveLength(1);
  });
});
