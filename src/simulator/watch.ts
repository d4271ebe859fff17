import { Auditor } from '../analysis/audit/auditor.js';
import type { RecordedEvent } from '../event-store/port.js';
import { type ChargeId } from '../events/ids.js';
import { decodeEvent } from '../events/registry.js';
import { queuesTable } from '../projections/queue.js';
import { BranchWatch } from './branches.js';
import type { KeptPromises } from './kept-promises.js';
import type { Office } from './office.js';
import { OpenThings } from './open-things.js';
import { differencesFromFold } from './projected-anew.js';
import type { World } from './world.js';

/** Judges the office: at every append, and at the end by everything that can be known. */
export class Watch {
  readonly #auditor = new Auditor();
  readonly #open = new OpenThings();
  readonly #branches: BranchWatch;

  constructor(
    private readonly world: World,
    private readonly office: Office,
    private readonly promises: KeptPromises,
  ) {
    this.#branches = new BranchWatch((branch) => world.saw(branch));
    office.log.onWritten((written) => this.#see(written));
  }

  /** Whether everything that began has ended, nobody queues, and the read models know it all. */
  get isSettled(): boolean {
    const { holds, orders, charges } = this.#open;
    return (
      holds.size + orders.size + charges.size === 0 &&
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

  /** The verdict on a run that has settled. Read models are projected anew by `drive`, which makes time pass. */
  async judge(drive: (work: Promise<string[]>) => Promise<string[]>): Promise<void> {
    const { world, office } = this;
    for (const { code, message } of this.#auditor.finish(world.clock.now()).findings.slice(0, 5)) {
      world.find(code, message);
    }
    for (const broken of this.promises.broken(office.log.events)) world.find('promise-broken', broken);
    this.#judgePayments();
    for (const difference of await drive(differencesFromFold(world, office))) {
      world.find('read-model-differs', difference);
    }
  }

  #see(written: readonly RecordedEvent[]): void {
    for (const event of written) {
      this.#auditor.apply(event);
      this.#open.apply(event);
    }
    this.#branches.see(written);
    const [first] = this.#auditor.findings;
    if (first && this.world.findings.length === 0) this.world.find(first.code, first.message);
  }

  /** Every payment taken is one charge credited with its amount, and the other way round. */
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

  /** The queues in which somebody waits or is inside. */
  #describeQueues(): string[] {
    const queues = this.office.database.rows(queuesTable);
    return queues.flatMap(({ performance_id, waiting, admitted, entered }) =>
      waiting + admitted + entered === 0
        ? []
        : [`queue ${performance_id}: ${waiting} wait, ${admitted} are admitted, ${entered} inside`],
    );
  }
}
