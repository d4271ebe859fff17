import { CancelOrder } from '../../src/commands/orders/cancel-order.js';
import { AdvanceCheckout } from '../../src/commands/orders/checkout-process.js';
import { Pay } from '../../src/commands/orders/pay.js';
import { LeaveQueue } from '../../src/commands/queue/enter-and-leave.js';
import type { QueueToken } from '../../src/commands/queue/queue-admission.js';
import { ExpireHold } from '../../src/commands/seats/end-hold.js';
import { tokenDecider } from '../../src/domain/token.js';
import { StoreUnavailable } from '../../src/event-store/port.js';
import { type HoldId, orderIdSchema } from '../../src/events/ids.js';
import { streams } from '../../src/events/streams.js';
import { contradictions, heldSeats } from './audit.js';
import { type CommandSide, createCommandSide, restarted } from './box-office.js';
import { HookedStore } from './crashing-store.js';
import {
  contextOf,
  freshContext,
  hold,
  holdBest,
  inside,
  openTheatre,
  outcomeOf,
  release,
  seats,
} from './theatre.js';

const holdTtlMs = 60_000;
const seatsInRow = 6;
const seedCount = 40;

/** Numbers that look random and are the same in every run: mulberry32. */
function randomFrom(seed: number) {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return { below: (bound: number) => Math.floor(next() * bound), chance: (share: number) => next() < share };
}
type Random = ReturnType<typeof randomFrom>;

/** A process whose appends take any number of turns, and which may die before or after any of them. */
function shakyProcess(side: CommandSide, random: Random): CommandSide {
  let isDead = false;
  const stumble = async () => {
    for (let turns = random.below(12); turns > 0; turns--) await Promise.resolve();
    isDead ||= random.chance(0.01);
    if (isDead) throw new StoreUnavailable('the process died here');
  };
  return restarted(side, { store: new HookedStore(side.store, { before: stumble, after: stumble }) });
}

/** One random thing a fan, or a process of ours, may do. */
async function act(
  side: CommandSide,
  queueToken: QueueToken,
  name: string,
  random: Random,
): Promise<unknown> {
  const key = contextOf(`${name} ${random.below(3)}`);
  const first = random.below(seatsInRow - 1) + 1;
  const wanted = random.chance(0.5) ? seats(`A-${first}`) : seats(`A-${first}`, `A-${first + 1}`);
  const holdIds = await holdsOf(side, queueToken);
  const some = holdIds[random.below(Math.max(1, holdIds.length))];
  switch (random.below(9)) {
    case 0:
    case 1:
      return hold(side, queueToken, wanted, key);
    case 2:
      return holdBest(side, queueToken, 1 + random.below(2), key);
    case 3:
      return side.execute(new Pay(queueToken, {}, freshContext()));
    case 4:
      return some && side.execute(new Pay(queueToken, { holdIds: [some] }, freshContext()));
    case 5:
      return some && release(side, queueToken, { holdId: some });
    case 6:
      return some && side.execute(new ExpireHold(queueToken.tokenId, some, freshContext()));
    case 7:
      for (const orderId of await orderIds(side)) {
        await side.execute(new CancelOrder(queueToken.userId, orderId, undefined, freshContext()));
      }
      return undefined;
    default:
      side.clock.advance(random.below(holdTtlMs / 4));
      return random.chance(0.2) ? side.execute(new LeaveQueue(queueToken, freshContext())) : undefined;
  }
}

async function holdsOf(side: CommandSide, { tokenId }: Pick<QueueToken, 'tokenId'>): Promise<HoldId[]> {
  const { state } = await side.repository.load(tokenDecider, streams.token(tokenId));
  return state.kind === 'none' ? [] : [...state.holds.keys()];
}

async function orderIds(side: CommandSide) {
  const placed = (await side.store.readCategory('order')).filter(({ type }) => type === 'OrderPlaced');
  return placed.map(({ stream }) => orderIdSchema.parse(stream.slice('order-'.length)));
}

/** What the recovery and the sweeper do after a restart, once every hold's time is over. */
async function settle(side: CommandSide, queueTokens: readonly QueueToken[]): Promise<void> {
  for (const orderId of await orderIds(side)) {
    await side.execute(new AdvanceCheckout(orderId, freshContext()));
  }
  side.clock.advance(holdTtlMs);
  for (const queueToken of queueTokens) {
    for (const holdId of await holdsOf(side, queueToken)) {
      await side.execute(new ExpireHold(queueToken.tokenId, holdId, freshContext()));
    }
  }
}

describe('an office where everything happens at once and processes die', () => {
  it.each(Array.from({ length: seedCount }, (_, n) => n + 1))('keeps its books (seed %i)', async (seed) => {
    const random = randomFrom(seed);
    const side = createCommandSide();
    await openTheatre(side, {
      rows: ['A'],
      seatsPerRow: seatsInRow,
      sales: { holdTtlMs, seatLimitPerUser: 3 },
    });
    const names = ['mina', 'jun', 'sora'];
    const queueTokens: QueueToken[] = [];
    for (const name of names) queueTokens.push(await inside(side, name, 350));
    for (let round = 0; round < 3; round++) {
      const processes = [shakyProcess(side, random), shakyProcess(side, random)];
      const acts = Array.from({ length: 12 }, () => {
        const fan = random.below(names.length);
        const on = processes[random.below(2)] ?? side;
        const queueToken = queueTokens[fan];
        return queueToken ? outcomeOf(act(on, queueToken, names[fan] ?? '', random)) : undefined;
      });
      for (const outcome of await Promise.allSettled(acts)) {
        if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(StoreUnavailable);
      }
    }
    await settle(restarted(side), queueTokens);
    expect(await contradictions(side.store)).toEqual([]);
    expect(await heldSeats(side.store)).toEqual([]);
  });
});
