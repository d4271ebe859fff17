import type { Command } from '@nestjs/cqrs';
import { AdvanceCheckout } from '../../src/commands/orders/checkout-process.js';
import { AdvanceCharge } from '../../src/commands/wallet/charge-points.js';
import { chargeIdSchema, type Instant, orderIdSchema, toInstant } from '../../src/events/ids.js';
import { deriveId } from '../../src/platform/derive-id.js';
import type { Commands } from '../../src/processes/periodic-task.js';
import { Recovery } from '../../src/processes/recovery.js';
import { ManualClock } from '../commands/manual-clock.js';
import { eventually } from '../services/wait-until.js';
import { RecordedLog } from './support.js';

const order = orderIdSchema.parse(deriveId('an order'));
const charge = chargeIdSchema.parse(deriveId('a charge'));
const never = 1_000_000;

class SentCommands implements Commands {
  readonly sent: Command<unknown>[] = [];
  constructor(private readonly failing: (command: Command<unknown>) => boolean = () => false) {}

  async execute<Result>(command: Command<Result>): Promise<Result> {
    this.sent.push(command);
    if (this.failing(command)) throw new Error('not now');
    return undefined as Result; // recovery looks at no result
  }
}

/** Work whose last change was at `changedAt`. */
function openSince(changedAt: Instant) {
  return {
    openOrders: async (olderThan: Instant) => (changedAt < olderThan ? [order] : []),
    openCharges: async (olderThan: Instant) => (changedAt < olderThan ? [charge] : []),
  };
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
    const all = Array.from({ length: 401 }, (_, index) => orderIdSchema.parse(deriveId(`order ${index}`)));
    const last = all.at(-1);
    const commands = new SentCommands(
      (command) => command instanceof AdvanceCheckout && command.orderId !== last,
    );
    const queries = {
      openOrders: async (_olderThan: Instant, limit: number) => all.slice(0, limit),
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
});
