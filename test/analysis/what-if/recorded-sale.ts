import { CancelOrder } from '../../../src/commands/orders/cancel-order.js';
import { Pay } from '../../../src/commands/orders/pay.js';
import { EnterService, ExpireToken, LeaveQueue } from '../../../src/commands/queue/enter-and-leave.js';
import { AdmitTokens, OpenQueue } from '../../../src/commands/queue/open-and-admit.js';
import type { QueueToken } from '../../../src/commands/queue/queue-admission.js';
import { ExpireHold } from '../../../src/commands/seats/end-hold.js';
import type { HeldSeats } from '../../../src/commands/seats/hold-seats.js';
import { admissionDecider } from '../../../src/domain/admission.js';
import { Rejected } from '../../../src/domain/rejection.js';
import { drawnPlaces } from '../../../src/domain/shuffle.js';
import type { EventStore } from '../../../src/event-store/port.js';
import type { SalesRules } from '../../../src/events/catalog-events.js';
import { toInstant } from '../../../src/events/ids.js';
import { streams } from '../../../src/events/streams.js';
import { Random } from '../../../src/platform/random.js';
import { createCommandSide } from '../../commands/box-office.js';
import {
  charge,
  freshContext,
  hold,
  holdBest,
  openTheatre,
  performanceId,
  queued,
  release,
  seats,
} from '../../commands/theatre.js';

const stepMs = 100;
const admissionIntervalMs = 200;

/** What a fan does, in milliseconds after the step before. */
interface Plan {
  readonly joinAtMs: number;
  readonly enterAfterMs: number;
  readonly holdAfterMs: number;
  readonly thenAfterMs: number;
  readonly intent: 'pay' | 'cancel' | 'release' | 'lapse' | 'leave';
  readonly seatIds: readonly string[] | undefined;
}

function planOf(random: Random, rush: number): Plan {
  const row = random.below(2) === 0 ? 'A' : 'B';
  const first = 1 + random.below(9);
  return {
    joinAtMs: stepMs * random.below(rush),
    enterAfterMs: 500 + stepMs * random.below(20),
    holdAfterMs: 1_000 + stepMs * random.below(40),
    thenAfterMs: 2_000 + stepMs * random.below(80),
    intent:
      random.weighted([
        [70, 'pay'],
        [5, 'cancel'],
        [5, 'release'],
        [10, 'lapse'],
        [10, 'leave'],
      ] as const) ?? 'pay',
    seatIds: random.next() < 0.6 ? [`${row}-${first}`, `${row}-${first + 1}`] : undefined,
  };
}

/**
 * An on-sale played on the real command side with a clock that is moved by hand: fans join, are let in, hold, pay or
 * not; the processes' work is done at its times.
 */
export async function recordedSale(options: {
  readonly fans: number;
  /** Joins fall into this many steps of 100 ms. */
  readonly rush: number;
  readonly sales: Partial<SalesRules>;
  readonly seed?: number;
}): Promise<EventStore> {
  const side = createCommandSide();
  await openTheatre(side, { sales: options.sales });
  // A replay lets fans in also when no seat is free (docs/what-if.md), so the recording does.
  side.models.sale = async () => ({ status: 'on-sale', freeSeats: undefined, endsAt: null });
  const random = new Random(options.seed ?? 1);
  const startMs = side.clock.nowMs();
  const agenda = new Map<number, (() => Promise<unknown>)[]>();
  let latestMs = 0;
  const at = (atMs: number, act: () => Promise<unknown>) => {
    const step = Math.ceil(atMs / stepMs) * stepMs;
    latestMs = Math.max(latestMs, step);
    agenda.set(step, [...(agenda.get(step) ?? []), act]);
  };
  const nowMs = () => side.clock.nowMs() - startMs;
  const waiting = new Map<QueueToken, Plan>();

  const find = async (queueToken: QueueToken, { seatIds }: Plan): Promise<HeldSeats | undefined> => {
    if (seatIds) {
      const held = await refusable(hold(side, queueToken, seats(...seatIds)));
      if (held) return held;
    }
    return refusable(holdBest(side, queueToken, 2));
  };
  const act = async (queueToken: QueueToken, plan: Plan, held: HeldSeats) => {
    const pay = () => refusable(side.execute(new Pay(queueToken, {}, freshContext())));
    if (plan.intent === 'release') await release(side, queueToken, held);
    if (plan.intent === 'leave') await side.execute(new LeaveQueue(queueToken, freshContext()));
    if (plan.intent === 'pay') await pay();
    if (plan.intent === 'cancel') {
      const paid = await pay();
      if (paid)
        at(nowMs() + 3_000, () =>
          side.execute(new CancelOrder(queueToken.userId, paid.order.orderId, undefined, freshContext())),
        );
    }
  };
  const visit = async (queueToken: QueueToken, plan: Plan) => {
    const entered = await refusable(side.execute(new EnterService(queueToken, freshContext())));
    if (!entered) return;
    at(Date.parse(entered.expiresAt) - startMs, () =>
      side.execute(new ExpireToken(queueToken.tokenId, { reason: 'time-used-up' }, freshContext())),
    );
    at(nowMs() + plan.holdAfterMs, async () => {
      const held = await find(queueToken, plan);
      if (!held) return side.execute(new LeaveQueue(queueToken, freshContext()));
      at(Date.parse(held.expiresAt) - startMs, () =>
        side.execute(new ExpireHold(queueToken.tokenId, held.holdId, freshContext())),
      );
      if (plan.intent !== 'lapse') at(nowMs() + plan.thenAfterMs, () => act(queueToken, plan, held));
      return undefined;
    });
  };
  for (let n = 0; n < options.fans; n++) {
    const plan = planOf(random, options.rush);
    at(plan.joinAtMs, async () => {
      const queueToken = await queued(side, `fan ${n}`);
      await charge(side, queueToken.userId, 1_000);
      waiting.set(queueToken, plan);
    });
  }
  for (let ms = 0; ms <= latestMs || waiting.size > 0; ms += stepMs) {
    side.clock.moveTo(toInstant(startMs + ms));
    for (const act of agenda.get(ms) ?? []) await act();
    if (ms % admissionIntervalMs !== 0) continue;
    await side.execute(new OpenQueue(performanceId, freshContext()));
    await side.execute(new AdmitTokens(performanceId, freshContext()));
    const { state } = await side.repository.load(admissionDecider, streams.admission(performanceId));
    if (!state.opening) continue;
    const places = drawnPlaces(state.opening);
    for (const [queueToken, plan] of waiting) {
      if ((places[queueToken.number] ?? queueToken.number) >= state.admittedUpTo) continue;
      at(ms + plan.enterAfterMs, () => visit(queueToken, plan));
      waiting.delete(queueToken);
    }
  }
  return side.store;
}

async function refusable<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Rejected) return undefined;
    throw error;
  }
}
