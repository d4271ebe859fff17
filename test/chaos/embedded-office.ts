import { join } from 'node:path';
import { dataFiles } from '../../src/app/engines.js';
import type { EventStore } from '../../src/event-store/port.js';
import { openSqliteEventStore } from '../../src/event-store/sqlite/sqlite-event-store.js';
import { call } from '../e2e/fan.js';
import { OfficeProcess } from '../e2e/guarded-office.js';
import { testEnvironment } from '../e2e/test-environment.js';
import { type ChaosOffice, ChildFaults } from './chaos-office.js';
import { type Disk, openDisk } from './disk.js';

const paymentKey = 'a payment key for chaos, long enough to be one';

/** The office in one process on embedded engines, with a disk of its own. */
export class EmbeddedOffice implements ChaosOffice {
  readonly mode = 'embedded';
  readonly config = { ADMIN_KEY: testEnvironment.ADMIN_KEY };
  readonly faults: ChildFaults;
  #runs = 0;
  #process: OfficeProcess | undefined;

  private constructor(
    private readonly folder: string,
    readonly disk: Disk,
  ) {
    this.faults = new ChildFaults(folder);
  }

  /** @param folder its own; the data stays there. */
  static async open(folder: string): Promise<EmbeddedOffice> {
    const office = new EmbeddedOffice(folder, await openDisk(join(folder, 'data')));
    try {
      await office.start();
      return office;
    } catch (error) {
      await office.close();
      throw error;
    }
  }

  get url(): string {
    return this.process.url;
  }

  get process(): OfficeProcess {
    if (!this.#process) throw new Error('the office has not been started');
    return this.#process;
  }

  /** Starts it, for the first time or after a kill. */
  async start(): Promise<void> {
    const env = { ...this.faults.env, DATA_DIR: this.disk.folder, PAYMENT_API_KEY: paymentKey };
    this.#process = await OfficeProcess.start(env, join(this.folder, `office-${++this.#runs}`));
  }

  openLog(): Promise<EventStore> {
    return openSqliteEventStore({ file: join(this.disk.folder, dataFiles.log), readOnly: true });
  }

  async pointsBought(): Promise<number> {
    const headers = { authorization: `Bearer ${paymentKey}` };
    const ledger = await call(this.process.paymentUrl, 'GET', '/ledger?limit=1', { headers });
    return ledger.body.totals.approved.amount;
  }

  async close(): Promise<void> {
    await this.#process?.stop();
    await this.disk.close();
  }
}
