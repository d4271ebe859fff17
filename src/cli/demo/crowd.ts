import { randomBytes } from 'node:crypto';
import { Random } from '../../platform/random.js';
import { Account } from './account.js';
import { type ApiClient, ServerGone } from './api-client.js';
import { Fan } from './fan.js';
import { planFan } from './fan-plan.js';
import { Gate } from './gate.js';
import type { Performance } from './replies.js';
import type { Tally } from './tally.js';

/** Accounts opened at the same time: hashing a password takes tens of milliseconds of the server's processor. */
const registrationsAtOnce = 4;

/** Opens the doors for everybody at once: when all are ready, or when waiting for the rest would take too long. */
export class Doors {
  readonly #opened: Promise<void>;
  #open: () => void = () => undefined;

  constructor(private expected: number) {
    this.#opened = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  /** One more is ready, or will never be. */
  arrive(): void {
    this.expected--;
    if (this.expected <= 0) this.#open();
  }

  open(): void {
    this.#open();
  }

  wait(): Promise<void> {
    return this.#opened;
  }
}

/** Fans who make the same choices whenever the seed is the same. */
export function gatherFans(
  count: number,
  seed: number,
  parts: { readonly api: ApiClient; readonly performance: Performance; readonly tally: Tally },
): Fan[] {
  const { api, performance, tally } = parts;
  // Accounts are new in every run, so that a demo can be repeated on one server.
  const run = randomBytes(4).toString('hex');
  const password = randomBytes(12).toString('base64url');
  return Array.from({ length: count }, (_, n) => {
    const random = Random.ofFan(seed, n);
    const plan = planFan(random, performance.sales.seatLimitPerUser, performance.schedules.length);
    return new Fan(
      api,
      new Account(api, tally, `fan-${run}-${n}`, password),
      performance,
      plan,
      random,
      tally,
    );
  });
}

/** Lets all fans prepare, then visit the on-sale together. Returns early when `signal` aborts. */
export async function playFans(
  fans: readonly Fan[],
  doors: Doors,
  tally: Tally,
  signal: AbortSignal,
): Promise<void> {
  const registrations = new Gate(registrationsAtOnce);
  const play = async (fan: Fan) => {
    try {
      const isReady = await registrations
        .run(async () => {
          signal.throwIfAborted();
          return fan.prepare();
        })
        .finally(() => doors.arrive());
      await doors.wait();
      tally.end(isReady ? await fan.visit() : 'failed');
    } catch (error) {
      if (signal.aborted) return;
      tally.end('failed');
      tally.surprise(error instanceof ServerGone ? error.message : String(error));
    }
  };
  await Promise.all(fans.map(play));
}
