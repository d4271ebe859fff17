import type { DataSource } from 'typeorm';
import { Auditor } from '../analysis/audit/auditor.js';
import { defaultAuditOptions } from '../analysis/audit/checks.js';
import type { Position, RecordedEvent } from '../event-store/port.js';
import { addMs, type ChargeId, type Instant, type PerformanceId } from '../events/ids.js';
import { decodeEvent } from '../events/registry.js';
import { allEntities, allProjections } from '../projections/all-projections.js';
import { ScheduleRow } from '../projections/catalog/entities.js';
import { BatchPipeline } from '../projections/engine/batch-pipeline.js';
import { beforeFirst, CheckpointRow, loadCheckpoint } from '../projections/engine/checkpoints.js';
import { type AnyRow, type Entity, keyOfRow, tableOf } from '../projections/engine/entity.js';
import { RowCache } from '../projections/engine/unit-of-work.js';
import { QueueRow } from '../projections/queue.js';
import { BranchWatch } from './branches.js';
import type { Office } from './office.js';
import type { KeptPromises } from './promises.js';
import { theWorld } from './scheduler.js';
import { SimulatedDatabase, SimulatedSession, simulatedDialect } from './simulated-database.js';
import type { World } from './world.js';

/** Longer than the interval of every process, so that each has run and found nothing to do, ms. */
const calmMs = 5_000;

/** Checks the office: the audit at every append, and all other checks at the end. */
export class Watch {
  readonly #auditor = new Auditor();
  readonly #open = new OpenThings();
  /** True time of the last event, ms. */
  #lastEventMs = 0;
  readonly #branches: BranchWatch;

  constructor(
    private readonly world: World,
    private readonly office: Office,
    private readonly promises: KeptPromises,
  ) {
    this.#branches = new BranchWatch((branch) => world.saw(branch));
    office.log.onWritten((written) => this.#see(written));
  }

  /** Whether nothing is open, the read models have the whole log, and nothing has happened for a while. */
  get isSettled(): boolean {
    return (
      this.#open.isEmpty &&
      this.world.scheduler.nowMs >= this.#lastEventMs + calmMs &&
      this.#areReadModelsCurrent &&
      this.#describeQueues().length === 0
    );
  }

  /** What keeps {@link isSettled} from being true. */
  describeUnsettled(): string {
    const parts = [this.#open.describe()];
    if (!this.#areReadModelsCurrent) {
      const positions = [...this.office.database.checkpoints()].map(
        ([name, position]) => `${name} ${position}`,
      );
      parts.push(`read models at ${positions.join(', ')} of ${this.office.log.head}`);
    }
    parts.push(...this.#describeQueues());
    return parts.filter((part) => part !== '').join('; ');
  }

  /** The final checks of a settled run. @param drive advances virtual time until its argument has settled. */
  async judge(drive: (work: Promise<string[]>) => Promise<string[]>): Promise<void> {
    const { world, office } = this;
    // Nothing happens any more, so what is open now would still be open then.
    const later = addMs(world.clock.now(), 2 * defaultAuditOptions.settleMs);
    for (const { code, message } of this.#auditor.finish(later).findings.slice(0, 5)) {
      world.find(code, message);
    }
    for (const broken of this.promises.broken(office.log.events)) world.find('promise-broken', broken);
    this.#judgePayments();
    for (const difference of await drive(differencesFromFold(world, office))) {
      world.find('read-model-differs', difference);
    }
  }

  /** Compares what the processes have in memory with the settled tables. */
  async judgeBoards(): Promise<void> {
    for (const process of this.office.serving) {
      for (const { kind, id, outcome, differences } of await process.compareBoards()) {
        this.world.saw(`board compared: ${kind}`);
        // Nothing moves any more.
        if (outcome === 'same') continue;
        const how = outcome === 'different' ? differences.join('; ') : 'never stands still';
        this.world.find('board-differs', `${process.name}, ${kind} ${id}: ${how}`);
      }
    }
  }

  #see(written: readonly RecordedEvent[]): void {
    this.#lastEventMs = this.world.scheduler.nowMs;
    for (const event of written) {
      this.#auditor.apply(event);
      this.#open.apply(event);
    }
    this.#branches.see(written);
    const [first] = this.#auditor.findings;
    if (first && this.world.findings.length === 0) this.world.find(first.code, first.message);
  }

  /** Every payment taken is exactly one credited charge of its amount, and vice versa. */
  #judgePayments(): void {
    const credited = new Map<ChargeId, number>();
    for (const recorded of this.office.log.events) {
      const event = decodeEvent(recorded);
      if (event.type === 'PointsCharged') credited.set(event.data.chargeId, event.data.amount);
    }
    const { ledger } = this.office.payments;
    for (const { key, amount, status } of ledger.values()) {
      if (status === 'approved' && credited.get(key) !== amount) {
        const points = credited.get(key) ?? 'nothing';
        this.world.find('payment-ledger', `payment ${key} took ${amount}, credited is ${points}`);
      }
    }
    for (const chargeId of credited.keys()) {
      if (ledger.get(chargeId)?.status === 'approved') continue;
      this.world.find('payment-ledger', `charge ${chargeId} is credited and was never paid`);
    }
  }

  get #areReadModelsCurrent(): boolean {
    const positions = [...this.office.database.checkpoints().values()];
    return positions.length > 0 && positions.every((position) => position >= this.office.log.head);
  }

  /** The queues with active fans, or with fans who wait for a sale that is not sold out. */
  #describeQueues(): string[] {
    const queues = this.office.database.rows(QueueRow);
    const now = this.world.clock.now();
    const toCome = this.office.database
      .rows(ScheduleRow)
      .filter((date) => date.status === 'scheduled' && date.schedule_date_time > now);
    const isSoldOut = (id: PerformanceId) => {
      const dates = toCome.filter((date) => date.performance_id === id);
      return dates.length > 0 && dates.every((date) => date.available_seats === 0);
    };
    return queues.flatMap(({ performance_id, waiting, admitted, entered }) =>
      admitted + entered === 0 && (waiting === 0 || isSoldOut(performance_id))
        ? []
        : [`queue ${performance_id}: ${waiting} wait, ${admitted} are admitted, ${entered} inside`],
    );
  }
}

/** Holds, orders, refunds of single seats, charges and cancellations that have not ended, from the log alone. */
class OpenThings {
  /** By seat stream, the deadline. */
  readonly holds = new Map<string, Instant>();
  readonly orders = new Set<string>();
  readonly charges = new Set<string>();
  readonly refunds = new Set<string>();
  /** Cancelled dates of which not everything is given back. */
  readonly cancellations = new Set<string>();
  /** Turns without a hold that end for that, and when. */
  readonly idleTurns = new Map<string, Instant>();

  get isEmpty(): boolean {
    const { holds, orders, charges, refunds, cancellations, idleTurns } = this;
    return [holds, orders, charges, refunds, cancellations, idleTurns].every(({ size }) => size === 0);
  }

  apply(recorded: RecordedEvent): void {
    const event = decodeEvent(recorded);
    switch (event.type) {
      case 'SeatHeld':
        this.holds.set(recorded.stream, event.data.expiresAt);
        return;
      case 'SeatHoldReleased':
      case 'SeatHoldExpired':
      case 'SeatReserved':
        this.holds.delete(recorded.stream);
        return;
      case 'OrderPlaced':
      case 'OrderCancelled':
        this.orders.add(event.data.orderId);
        return;
      case 'OrderPaid':
      case 'OrderRefunded':
        this.orders.delete(event.data.orderId);
        return;
      case 'OrderItemsCancelled':
        this.refunds.add(event.data.refundId);
        return;
      case 'OrderItemsRefunded':
        this.refunds.delete(event.data.refundId);
        return;
      case 'TokenEntered':
      case 'SeatsReturned':
        if (event.data.idleUntil !== undefined) this.idleTurns.set(event.data.tokenId, event.data.idleUntil);
        return;
      case 'SeatsRequested':
      case 'TokenCompleted':
      case 'TokenExpired':
      case 'TokenLeft':
        this.idleTurns.delete(event.data.tokenId);
        return;
      case 'ScheduleCancelled':
        this.cancellations.add(event.data.scheduleId);
        return;
      case 'ScheduleCancellationSettled':
        this.cancellations.delete(event.data.scheduleId);
        return;
      case 'ChargeRequested':
        this.charges.add(event.data.chargeId);
        return;
      case 'ChargeDeclined':
      case 'ChargeNeedsAttention':
      case 'PointsCharged':
        this.charges.delete(event.data.chargeId);
        return;
      default:
        return; // other events neither open nor end one
    }
  }

  /** A description of what is open; empty when nothing is. */
  describe(): string {
    const parts = [
      ...[...this.holds].map(([stream, deadline]) => `hold of ${stream} (until ${deadline})`),
      ...[...this.orders].map((orderId) => `order ${orderId}`),
      ...[...this.charges].map((chargeId) => `charge ${chargeId}`),
      ...[...this.refunds].map((refundId) => `refund ${refundId}`),
      ...[...this.cancellations].map((scheduleId) => `cancelled date ${scheduleId}`),
      ...[...this.idleTurns].map(([tokenId, until]) => `idle turn ${tokenId} (until ${until})`),
    ];
    return parts.slice(0, 10).join(', ');
  }
}

/** A simulated office has a few dozen rows in a table. */
const cachedRows = 100;

/** Differing rows reported; one fault can make many. */
const maxDifferences = 5;

/** The differences between the read models and the same log projected again, in one batch and without faults. */
async function differencesFromFold(world: World, office: Office): Promise<string[]> {
  const anew = new SimulatedDatabase();
  const session = new SimulatedSession(world, anew, { name: 'the fold', life: theWorld });
  const projections = allProjections.map((projection) => ({
    projection,
    suffix: '',
    cache: new RowCache(cachedRows),
    position: beforeFirst,
    epoch: 0,
  }));
  const at = world.clock.now();
  for (const { projection } of projections) await loadCheckpoint(session, projection, '', at);
  const { events, head } = office.log;
  const pipeline = new BatchPipeline({
    store: { readAll: async () => events.slice(0, 1) },
    dialect: simulatedDialect(
      () => ({ session, close: () => undefined }),
      (plain) => plain,
    ),
    // The dialect opens its own connections.
    dataSource: {} as DataSource,
    clock: world.clock,
  });
  // Positions of the log in memory are counted.
  const batch = { events, position: head as Position, caughtUp: true };
  await pipeline.apply(projections, batch, () => undefined);
  return differences(office.database, anew);
}

function differences(found: SimulatedDatabase, expected: SimulatedDatabase): string[] {
  const differing: string[] = [];
  for (const entity of allEntities) {
    if (entity === CheckpointRow) continue;
    const table = tableOf(entity);
    const textOf = (database: SimulatedDatabase) =>
      new Map(
        database.rows(entity as Entity<AnyRow>).map((row) => {
          const columns = table.columns.map((column) => row[column]);
          return [keyOfRow(table, row).join(' '), JSON.stringify(columns)];
        }),
      );
    const before = textOf(found);
    const after = textOf(expected);
    for (const key of new Set([...before.keys(), ...after.keys()])) {
      if (before.get(key) === after.get(key)) continue;
      differing.push(
        `${table.name} ${key}: is ${before.get(key) ?? 'missing'}, the log says ${after.get(key) ?? 'none'}`,
      );
      if (differing.length >= maxDifferences) return differing;
    }
  }
  return differing;
}
