import { CancelPerformance, CancelSchedule, OpenRefundWindow } from '../commands/catalog/cancel-schedule.js';
import { ImportCatalog } from '../commands/catalog/import-catalog.js';
import { addMs, toInstant } from '../events/ids.js';
import type { Client } from './client.js';
import type { DatePromises } from './date-promises.js';
import type { Random } from './random.js';
import type { Sale } from './sale.js';
import type { World } from './world.js';

/** Publishes the sale and changes it: plan, prices and times by feeds, cancelled dates also by command. */
export class Organiser {
  readonly #chance: Random;
  /** Each seed has its own organiser: some never cancel a date, others often. */
  readonly #cancelsDates: number;
  readonly #cancelsAll: number;
  readonly #opensWindows: number;

  constructor(
    private readonly world: World,
    private readonly client: Client,
    private readonly sale: Sale,
    private readonly promises: DatePromises,
  ) {
    this.#chance = world.random('organiser');
    this.#cancelsDates = this.#chance.pick([0, 0, 0.15, 0.4]) ?? 0;
    this.#cancelsAll = this.#chance.pick([0, 0, 0.08]) ?? 0;
    this.#opensWindows = this.#chance.pick([0, 0.1, 0.3]) ?? 0;
  }

  /** The first revision of the feed; nothing may fail yet. */
  async publish(): Promise<void> {
    const { document, announced } = this.sale.revise(this.world.scheduler.nowMs);
    const reply = await this.client.send(
      'the organiser publishes',
      new ImportCatalog(document, this.#context()),
    );
    if (reply.kind !== 'done') throw new Error('nothing can be published before the faults begin');
    for (const { date } of announced) date.isPublished = true;
  }

  async act(): Promise<void> {
    if (this.#chance.chance(this.#cancelsDates)) return this.#cancelDate();
    if (this.#chance.chance(this.#cancelsAll)) return this.#cancelPerformance();
    if (this.#chance.chance(this.#opensWindows)) return this.#openWindow();
    return this.#revise();
  }

  async #revise(): Promise<void> {
    const { world } = this;
    const revision = this.sale.revise(world.scheduler.nowMs);
    const { document, cancelMissing } = revision;
    const command = new ImportCatalog(document, this.#context(), { cancelMissing });
    const reply = await this.client.send('the organiser publishes again', command);
    if (reply.kind !== 'done') return;
    if (reply.result.keptSeats.length > 0) world.saw('seat kept in a plan that drops it');
    if (reply.result.matchedSeats.length > 0) world.saw('seat recognised by its place');
    for (const { date } of revision.announced) date.isPublished = true;
    this.promises.published(revision);
  }

  async #cancelDate(): Promise<void> {
    const performance = this.#chance.pick(this.sale.performances);
    // Also one that is cancelled already.
    const date = performance && this.#chance.pick(performance.dates);
    if (!date) return;
    date.cancelled ??= 'by command';
    const command = new CancelSchedule(date.scheduleId, 'the singer is ill', this.#context());
    const reply = await this.client.send('the organiser cancels a date', command);
    if (reply.kind === 'done') this.promises.cancelled(date.scheduleId, this.world.scheduler.nowMs);
  }

  async #cancelPerformance(): Promise<void> {
    const performance = this.#chance.pick(this.sale.performances);
    if (!performance) return;
    for (const date of performance.dates) date.cancelled ??= 'by command';
    const { performanceId } = performance;
    const command = new CancelPerformance(performanceId, 'the hall is flooded', this.#context());
    const reply = await this.client.send('the organiser cancels a performance', command);
    if (reply.kind !== 'done') return;
    this.world.saw('performance cancelled');
    for (const scheduleId of reply.result.scheduleIds) {
      this.promises.cancelled(scheduleId, this.world.scheduler.nowMs);
    }
  }

  async #openWindow(): Promise<void> {
    const performance = this.#chance.pick(this.sale.performances);
    const date = performance && this.#chance.pick(performance.dates);
    if (!date) return;
    const { scheduleId } = date;
    const now = toInstant(this.world.scheduler.nowMs);
    const until = addMs(now, this.#chance.between(5_000, 120_000));
    const command = new OpenRefundWindow(scheduleId, until, undefined, this.#context());
    const reply = await this.client.send('the organiser opens a refund window', command);
    if (reply.kind === 'done') this.promises.windowOpened(scheduleId, until);
  }

  #context() {
    return this.client.context({ kind: 'admin' });
  }
}
