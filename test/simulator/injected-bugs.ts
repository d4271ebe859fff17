import { QueueBoards } from '../../src/boards/queue-boards.js';
import type { SeatChange } from '../../src/boards/recent-seat-changes.js';
import { SeatBoards } from '../../src/boards/seat-boards.js';
import type { CatalogReader } from '../../src/commands/catalog/catalog-reader.js';
import type { DeciderHandler } from '../../src/commands/decider-handler.js';
import { CancelOrderHandler, RefundOrderHandler } from '../../src/commands/orders/cancel-order.js';
import type { CheckoutProcess } from '../../src/commands/orders/checkout-process.js';
import { PayHandler } from '../../src/commands/orders/pay.js';
import { Holds } from '../../src/commands/seats/end-hold.js';
import type { StreamRepository } from '../../src/commands/stream-repository.js';
import { type PublishedSchedule, scheduleDecider } from '../../src/domain/catalog.js';
import { accept, type Decider } from '../../src/domain/decider.js';
import { orderDecider } from '../../src/domain/order.js';
import { noEndedHolds, seatDecider } from '../../src/domain/seat.js';
import { tokenDecider } from '../../src/domain/token.js';
import { walletDecider } from '../../src/domain/wallet.js';
import { addMs, chargeIdSchema, toInstant } from '../../src/events/ids.js';
import type { DomainEvent } from '../../src/events/registry.js';
import type { Clock } from '../../src/platform/clock.js';
import { deriveId } from '../../src/platform/derive-id.js';
import { checkpointsTable } from '../../src/projections/engine/checkpoints.js';
import type { WriteSession } from '../../src/projections/engine/dialect.js';
import { type AnyRow, type CellValue, keyText } from '../../src/projections/engine/entity.js';
import { advanced, type SimulatedDatabase } from '../../src/simulator/simulated-database.js';
import type { Seams } from '../../src/simulator/simulated-process.js';
import { HookedStore } from '../commands/crashing-store.js';

/** A defect put into the office, which a simulation must find. */
export interface InjectedBug {
  /** What is wrong. */
  readonly name: string;
  /** The findings that name it. */
  readonly codes: readonly string[];
  readonly seams?: Partial<Seams>;
  /** Changes the product for this test. @returns changes it back. */
  readonly plant?: () => () => void;
  /** Where to begin looking, for what only few seeds show. */
  readonly firstSeed?: number;
}

/** The decider decides otherwise until it is put back. */
export function plantIn<State, Command, Event>(
  decider: Decider<State, Command, Event>,
  decide: (original: typeof decider.decide) => typeof decider.decide,
): () => void {
  const original = decider.decide;
  // Deciders are constants for everybody but this test.
  const open = decider as { decide: typeof original };
  open.decide = decide(original);
  return () => {
    open.decide = original;
  };
}

/** Boards of seats take only some changes in until it is put back. */
function plantInSeatBoards(takes: (change: SeatChange) => boolean): () => void {
  const { changed } = SeatBoards.prototype;
  SeatBoards.prototype.changed = function (change) {
    if (takes(change)) changed.call(this, change);
  };
  return () => {
    SeatBoards.prototype.changed = changed;
  };
}

/** Boards of queues take only some events in until it is put back. */
function plantInQueueBoards(takes: (event: DomainEvent) => boolean): () => void {
  const { take } = QueueBoards.prototype;
  QueueBoards.prototype.take = function (event, revision, position) {
    if (takes(event)) take.call(this, event, revision, position);
  };
  return () => {
    QueueBoards.prototype.take = take;
  };
}

const oneMsAhead = (clock: Clock): Clock => ({
  now: () => addMs(clock.now(), 1),
  nowMs: () => clock.nowMs() + 1,
});

interface HoldsParts {
  readonly repository: StreamRepository;
  readonly deciders: DeciderHandler;
  readonly clock: Clock;
}

/** Holds end one millisecond before their deadline. */
function plantEarlyExpiry(): () => void {
  const putBack = plantIn(
    seatDecider,
    (decide) => (command, state, now) =>
      decide(command, state, command.kind === 'expire' ? addMs(now, 1) : now),
  );
  const { expire } = Holds.prototype;
  Holds.prototype.expire = function (this: HoldsParts, ...hold) {
    return expire.apply(new Holds(this.repository, this.deciders, oneMsAhead(this.clock)), hold);
  };
  return () => {
    putBack();
    Holds.prototype.expire = expire;
  };
}

/** Checkpoints are committed at once, rows with the rest of the transaction. */
function checkpointOutside(session: WriteSession, database: SimulatedDatabase): WriteSession {
  const advance = (parameters: readonly CellValue[]) => {
    const marks = parameters.slice(3);
    const rows = new Map<string, AnyRow>();
    for (let index = 0; index < marks.length; index += 3) {
      const key = keyText([marks[index] ?? null]);
      const row = database.rowAt(checkpointsTable.name, key);
      if (row && row.position === marks[index + 1]) rows.set(key, advanced(row, parameters));
    }
    database.commit(new Map([[checkpointsTable.name, rows]]));
    return { affected: rows.size };
  };
  return {
    begin: () => session.begin(),
    commit: () => session.commit(),
    rollback: () => session.rollback(),
    all: (sql, parameters) => session.all(sql, parameters),
    insertIfMissing: (table, name, row) => session.insertIfMissing(table, name, row),
    rowsByKey: (table, name, keys) => session.rowsByKey(table, name, keys),
    select: (table, name, selection) => session.select(table, name, selection),
    upsert: (table, name, rows) => session.upsert(table, name, rows),
    delete: (table, name, key) => session.delete(table, name, key),
    run: async (sql, parameters) =>
      sql.startsWith(`UPDATE ${checkpointsTable.name} SET position`)
        ? advance(parameters)
        : session.run(sql, parameters),
  };
}

type CancelOrderParts = ConstructorParameters<typeof CancelOrderHandler>;

interface PrivatesOf {
  readonly repository: StreamRepository;
  readonly deciders: DeciderHandler;
  readonly catalog: CatalogReader;
  readonly checkout: CheckoutProcess;
  readonly clock: Clock;
}

/** Dates as the bug sees them; everything else of the catalog is right. */
function catalogWhere(
  catalog: CatalogReader,
  change: (schedule: PublishedSchedule) => PublishedSchedule,
): CatalogReader {
  return new Proxy(catalog, {
    get: (target, name: keyof CatalogReader) =>
      name === 'schedule'
        ? async (...asked: Parameters<CatalogReader['schedule']>) => change(await target.schedule(...asked))
        : target[name].bind(target),
  });
}

/** The handler runs with other parts until it is put back. */
function plantInCancelOrder(change: (parts: CancelOrderParts) => CancelOrderParts): () => void {
  const { execute } = CancelOrderHandler.prototype;
  CancelOrderHandler.prototype.execute = function (this: PrivatesOf, command) {
    const { repository, deciders, catalog, checkout, clock } = this;
    const parts = change([repository, deciders, catalog, checkout, clock]);
    return execute.call(new CancelOrderHandler(...parts), command);
  };
  return () => {
    CancelOrderHandler.prototype.execute = execute;
  };
}

/** Payments take every date for one that takes place. */
function plantPaymentOnCancelledDate(): () => void {
  const { execute } = PayHandler.prototype;
  PayHandler.prototype.execute = function (this: PrivatesOf, command) {
    const { repository, deciders, checkout, clock } = this;
    const catalog = catalogWhere(this.catalog, (date) => ({ ...date, status: 'scheduled' }));
    return execute.call(new PayHandler(repository, deciders, checkout, catalog, clock), command);
  };
  return () => {
    PayHandler.prototype.execute = execute;
  };
}

/** The process that refunds a cancelled date leaves its orders as they are. */
function plantForgottenOrders(): () => void {
  const { execute } = RefundOrderHandler.prototype;
  RefundOrderHandler.prototype.execute = function (this: PrivatesOf, command) {
    const { orderId, which } = command.refund;
    if (which.kind !== 'schedule') return execute.call(this, command);
    return this.checkout.advance(orderId, command.context).then((order) => ({ ...order, refunded: [] }));
  };
  return () => {
    RefundOrderHandler.prototype.execute = execute;
  };
}

export const injectedBugs: readonly InjectedBug[] = [
  {
    name: 'the expected revision is ignored',
    codes: [
      'charge-outcome',
      'charge-credited-once',
      'seat-single-owner',
      'token-transition',
      'admission-order',
      'wallet-balance',
    ],
    seams: {
      store: (store) =>
        Object.assign(new HookedStore(store, {}), {
          append: (stream: string, _: unknown, events: Parameters<typeof store.append>[2]) =>
            store.append(stream, 'any', events),
        }),
    },
  },
  {
    name: 'holds expire a millisecond early',
    codes: ['hold-not-early'],
    plant: plantEarlyExpiry,
    firstSeed: 128,
  },
  {
    name: 'a seat forgets which holds it refuses',
    codes: ['barred-stays-out', 'hold-ends-once'],
    plant: () =>
      plantIn(seatDecider, (decide) => (command, state, now) => {
        const forgets = command.kind === 'hold' && state.kind === 'free';
        return decide(command, forgets ? { ...state, endedHolds: noEndedHolds } : state, now);
      }),
  },
  {
    name: 'a turn goes on after any number of lapsed holds',
    codes: ['turn-ends-unpaid'],
    plant: () =>
      plantIn(tokenDecider, (decide) => (command, state, now) => {
        const {
          maxLapsedHolds: _,
          maxReleasedHolds: __,
          ...terms
        } = state.kind === 'entered' ? state.terms : {};
        return decide(command, state.kind === 'entered' ? { ...state, terms } : state, now);
      }),
  },
  {
    name: 'seats do not cool down for a fan',
    codes: ['seat-cools-down'],
    plant: () =>
      plantIn(tokenDecider, (decide) => (command, state, now) => {
        const forgets = command.kind === 'request-seats' && state.kind !== 'none';
        return decide(command, forgets ? { ...state, cooling: new Map() } : state, now);
      }),
  },
  {
    name: 'a seat that is given back is free at once',
    codes: ['seat-return-waits'],
    firstSeed: 270,
    plant: () =>
      plantIn(seatDecider, (decide) => (command, state, now) => {
        const forgets = command.kind === 'hold' && state.kind === 'free';
        return decide(command, forgets ? { ...state, availableFrom: undefined } : state, now);
      }),
  },
  {
    name: 'the refund is forgotten',
    codes: ['order-refunded-once'],
    plant: () =>
      plantIn(walletDecider, (decide) => (command, state, now) => {
        const isRefund = command.kind === 'refund';
        const order = isRefund ? state.orders.get(command.orderId) : undefined;
        const orders =
          isRefund && order && !order.isClosed
            ? state.orders.set(command.orderId, { ...order, spent: order.refunded })
            : state.orders;
        return decide(command, { ...state, orders }, now);
      }),
  },
  {
    name: 'fans are let in for whom there is no room',
    codes: ['active-limit'],
    seams: {
      queries: (queries) => ({
        ...queries,
        queueFront: async (performanceId, admittedUpTo) => ({
          ...(await queries.queueFront(performanceId, admittedUpTo)),
          inside: 0,
        }),
      }),
    },
  },
  {
    name: 'the checkpoint is committed outside the transaction',
    // Where rows are missing, fans are not told what they were promised; and admission counts with the read models: too many
    // are let in.
    codes: ['read-model-differs', 'not-settled', 'active-limit', 'promise-broken'],
    seams: { session: checkpointOutside },
  },
  {
    name: 'a charge is retried with a new key',
    codes: ['payment-ledger'],
    seams: {
      payments: (payments) => {
        let attempts = 0;
        return {
          findPayment: (key, signal) => payments.findPayment(key, signal),
          createPayment: (request, signal) => {
            const idempotencyKey = chargeIdSchema.parse(deriveId(request.idempotencyKey, attempts++));
            return payments.createPayment({ ...request, idempotencyKey }, signal);
          },
        };
      },
    },
  },
  {
    name: 'a step of the checkout is not idempotent',
    codes: ['order-spent-once', 'wallet-not-negative'],
    plant: () =>
      plantIn(walletDecider, (decide) => (command, state, now) => {
        if (command.kind !== 'spend' || state.orders.get(command.orderId)?.isClosed) {
          return decide(command, state, now);
        }
        const orders = state.orders.delete(command.orderId);
        return decide(command, { ...state, orders }, now);
      }),
  },
  {
    name: 'a refund of single seats is made twice',
    codes: ['order-items-refunded-once', 'order-refunded-once', 'order-points-agree'],
    firstSeed: 60,
    plant: () =>
      plantIn(walletDecider, (decide) => (command, state, now) => {
        const order = command.kind === 'refund-items' ? state.orders.get(command.orderId) : undefined;
        if (command.kind !== 'refund-items' || !order) return decide(command, state, now);
        const orders = state.orders.set(command.orderId, { ...order, refundIds: [], refunded: 0 });
        return decide(command, { ...state, orders }, now);
      }),
  },
  {
    name: 'an order forgets which of its seats were given back',
    codes: ['order-items-refunded-once'],
    firstSeed: 70,
    plant: () =>
      plantIn(orderDecider, (decide) => (command, state, now) => {
        const forgets = command.kind === 'cancel' && command.items !== undefined && state.kind === 'paid';
        return decide(command, forgets ? { ...state, refunds: [] } : state, now);
      }),
  },
  {
    name: 'the points of single seats are not given back',
    codes: ['order-points-agree', 'order-refunded-once'],
    plant: () =>
      plantIn(
        walletDecider,
        (decide) => (command, state, now) =>
          decide(command.kind === 'refund-items' ? { ...command, amount: 0 } : command, state, now),
      ),
  },
  {
    name: 'giving back some seats gives back all',
    codes: ['promise-broken'],
    firstSeed: 50,
    plant: () =>
      plantIn(
        orderDecider,
        (decide) => (command, state, now) =>
          decide(command.kind === 'cancel' ? { ...command, items: undefined } : command, state, now),
      ),
  },
  {
    name: 'a fan gives tickets back after the deadline',
    codes: ['promise-broken'],
    firstSeed: 40,
    plant: () =>
      plantInCancelOrder(([repository, deciders, catalog, checkout]) => {
        const longAgo = { now: () => toInstant(0), nowMs: () => 0 };
        return [repository, deciders, catalog, checkout, longAgo];
      }),
  },
  {
    name: 'a refund window does not help fans',
    codes: ['promise-broken'],
    firstSeed: 300,
    plant: () =>
      plantInCancelOrder(([repository, deciders, catalog, checkout, clock]) => {
        const closed = catalogWhere(catalog, (date) => ({ ...date, refundWindowUntil: undefined }));
        return [repository, deciders, closed, checkout, clock];
      }),
  },
  {
    name: 'a moved date opens no refund window',
    codes: ['promise-broken'],
    plant: () =>
      plantIn(
        scheduleDecider,
        (decide) => (command, state, now) =>
          decide(command.kind === 'publish' ? { ...command, refundWindowMs: 0 } : command, state, now),
      ),
  },
  {
    name: 'a refund window is made shorter',
    codes: ['promise-broken'],
    plant: () =>
      plantIn(scheduleDecider, (decide) => (command, state, now) => {
        const forgets = command.kind === 'open-refund-window';
        return decide(command, forgets ? { ...state, refundWindowUntil: undefined } : state, now);
      }),
  },
  {
    name: 'a cancelled date can still be paid for',
    codes: ['promise-broken'],
    firstSeed: 94,
    plant: plantPaymentOnCancelledDate,
  },
  {
    name: 'a cancelled date leaves an order paid',
    codes: ['not-settled'],
    plant: plantForgottenOrders,
  },
  {
    name: 'a cancelled date is settled before its orders are refunded',
    codes: ['cancelled-date-refunded'],
    seams: {
      queries: (queries) => ({
        ...queries,
        ownedSeats: async (...asked) =>
          (await queries.ownedSeats(...asked)).filter(({ kind }) => kind === 'held'),
      }),
    },
  },
  {
    name: 'a cancelled date is never settled',
    codes: ['not-settled'],
    plant: () =>
      plantIn(
        scheduleDecider,
        (decide) => (command, state, now) =>
          command.kind === 'settle' ? accept() : decide(command, state, now),
      ),
  },
  {
    name: 'a board of seats does not notice that a seat is sold',
    codes: ['board-differs'],
    firstSeed: 38,
    plant: () => plantInSeatBoards(({ taken }) => taken?.status !== 'reserved'),
  },
  {
    name: 'a board of a queue does not notice who leaves',
    codes: ['board-differs'],
    firstSeed: 100,
    plant: () => plantInQueueBoards(({ type }) => type !== 'TokenLeft'),
  },
  {
    name: 'a moved date keeps its time',
    codes: ['promise-broken'],
    plant: () =>
      plantIn(scheduleDecider, (decide) => (command, state, now) => {
        const startsAt = state.details?.startsAt;
        if (command.kind !== 'publish' || startsAt === undefined) return decide(command, state, now);
        return decide({ ...command, details: { ...command.details, startsAt } }, state, now);
      }),
  },
];
