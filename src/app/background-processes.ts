import type { CommandBus } from '@nestjs/cqrs';
import type { BackgroundWork, FailureReport } from '../api/operations.js';
import type { EventStore } from '../event-store/port.js';
import type { Clock } from '../platform/clock.js';
import type { Config } from '../platform/config.js';
import type { Log } from '../platform/logging.js';
import { AdmissionProcess } from '../processes/admission.js';
import { Cancellations } from '../processes/cancellations.js';
import { Erasure, type PersonalDataStores } from '../processes/erasure.js';
import { Expiry } from '../processes/expiry.js';
import { PeriodicTask, type ProcessParts } from '../processes/periodic-task.js';
import { Recovery } from '../processes/recovery.js';
import { BullTimers } from '../processes/redis/bull-timers.js';
import { RedisRoundLease } from '../processes/redis/round-lease.js';
import { InProcessTimers } from '../processes/timers.js';
import type { Engines } from './engines.js';
import type { ReadSide } from './read-side.js';

interface Parts {
  readonly config: Config;
  readonly engines: Engines;
  readonly store: EventStore;
  readonly readSide: ReadSide;
  readonly clock: Clock;
  readonly log: Log;
}

/** Counts the failures of the processes, once there are any. */
export class BackgroundReport implements BackgroundWork {
  #parts: ProcessParts = [];

  watch(parts: ProcessParts): void {
    this.#parts = parts;
  }

  failures(): readonly FailureReport[] {
    return this.#parts.map((part) => {
      const { name: process } = part;
      if (part instanceof PeriodicTask) {
        const { failing, failures } = part.items;
        return { process, items: { failing, failures } };
      }
      const { restarts, leftOut } = part;
      return { process, subscription: { restarts, leftOut } };
    });
  }
}

/** How long an erasure waits for the read models before it is tried again. */
const erasureWaitMs = 60_000;

/** What acts without a request: admission, expiry, recovery, erasure. Not started yet. */
export function backgroundProcesses(
  bus: CommandBus,
  { config, engines, store, readSide, clock, log }: Parts,
) {
  const { redis } = engines;
  const { queries } = readSide;
  const { SWEEP_INTERVAL_MS, ADMISSION_INTERVAL_MS, RESUME_AFTER_MS } = config;
  const timers = redis ? new BullTimers(redis, clock, log) : new InProcessTimers(clock);
  const lease = redis && new RedisRoundLease(redis);
  const expiry = new Expiry(store, bus, timers, queries, clock, log, SWEEP_INTERVAL_MS, lease);
  const admission = new AdmissionProcess(store, bus, queries, clock, log, ADMISSION_INTERVAL_MS, lease);
  const recovery = new Recovery(bus, queries, clock, log, RESUME_AFTER_MS, SWEEP_INTERVAL_MS, lease);
  const cancellations = new Cancellations(store, bus, queries, clock, log, SWEEP_INTERVAL_MS, lease);
  const erasure = new Erasure(store, bus, personalDataOf(engines, readSide), clock, log, SWEEP_INTERVAL_MS);
  return {
    parts: [erasure, recovery, cancellations, expiry, admission].flatMap(({ parts }) => parts),
    async start() {
      erasure.start();
      recovery.start();
      cancellations.start();
      await expiry.start();
      admission.start();
    },
    async stop() {
      await Promise.all([
        erasure.stop(),
        recovery.stop(),
        cancellations.stop(),
        expiry.stop(),
        admission.stop(),
      ]);
    },
  };
}

/** Where an erased person's data is. */
function personalDataOf({ personalKeys, readModels }: Engines, { progress }: ReadSide): PersonalDataStores {
  return {
    destroyKey: (userId) => personalKeys.destroy(userId),
    async cleanReadModels(position) {
      const isGone = await progress.waitFor(position, { timeoutMs: erasureWaitMs });
      if (!isGone) throw new Error('the read models still contain an erased person');
      await readModels.clean();
    },
  };
}
