import { randomBytes } from 'node:crypto';
import { ConcurrencyLimit } from '../../platform/concurrency-limit.js';
import { Random } from '../../platform/random.js';
import { CliFailure, exitCodes } from '../command.js';
import {
  type ApiClient,
  type Performance,
  performanceSchema,
  performancesSchema,
  ServerGone,
  venueSchema,
} from './api-client.js';
import { Account, Fan, planFan } from './fan.js';
import type { Tally } from './summary.js';

/** Concurrent registrations: hashing a password takes tens of milliseconds of the server's CPU. */
const registrationsAtOnce = 4;

/** Starts all fans at once: when all are ready, or when {@link open} is called because that would take too long. */
export class Doors {
  readonly #opened: Promise<void>;
  #open: () => void = () => undefined;

  constructor(private expected: number) {
    this.#opened = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  /** One more fan is ready, or has failed. */
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

/** Creates fans; the same seed gives fans with the same choices. */
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

/** Lets all fans prepare, then join the on-sale together. Returns early when `signal` aborts. */
export async function playFans(
  fans: readonly Fan[],
  doors: Doors,
  tally: Tally,
  signal: AbortSignal,
): Promise<void> {
  const registrations = new ConcurrencyLimit(registrationsAtOnce);
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

/** Performances looked at when none was named. */
const maxLookedAt = 50;

/**
 * The performance to play: the one named, or the one with most seats left in the smallest venue.
 * @throws {CliFailure} when there is none with seats left.
 */
export async function pickPerformance(
  api: ApiClient,
  performanceId: string | undefined,
): Promise<Performance> {
  if (performanceId !== undefined) return onSale(await load(api, performanceId));
  const path = `/v1/performances?limit=${maxLookedAt}`;
  const listed = await api.send({ method: 'GET', path, reply: performancesSchema });
  if (listed.kind === 'refused')
    throw new CliFailure(`the catalog can't be read: ${listed.detail}`, exitCodes.failed);
  const seatCounts = new Map<string, number>();
  let best:
    | { readonly performance: Performance; readonly seatCount: number; readonly left: number }
    | undefined;
  for (const { performanceId: id, venue } of listed.body.items) {
    const performance = onSale(await load(api, id));
    const left = seatsLeft(performance);
    if (left === 0) continue;
    const seatCount = seatCounts.get(venue.venueId) ?? (await seatCountOf(api, venue.venueId));
    seatCounts.set(venue.venueId, seatCount);
    const isBetter =
      !best || seatCount < best.seatCount || (seatCount === best.seatCount && left > best.left);
    if (isBetter) best = { performance, seatCount, left };
  }
  if (!best)
    throw new CliFailure(
      'no performance with seats left: start a server on an empty DATA_DIR',
      exitCodes.failed,
    );
  return best.performance;
}

async function load(api: ApiClient, performanceId: string): Promise<Performance> {
  const path = `/v1/performances/${encodeURIComponent(performanceId)}`;
  const found = await api.send({ method: 'GET', path, reply: performanceSchema });
  if (found.kind === 'ok') return found.body;
  throw new CliFailure(`performance ${performanceId}: ${found.detail}`);
}

/** The performance with only those dates that are still on sale. */
function onSale(performance: Performance): Performance {
  const schedules = performance.schedules.filter(
    ({ status, startsAt }) => status === 'scheduled' && Date.parse(startsAt) > Date.now(),
  );
  return { ...performance, schedules };
}

function seatsLeft({ schedules }: Performance): number {
  return schedules.reduce((sum, { availableSeats }) => sum + availableSeats, 0);
}

async function seatCountOf(api: ApiClient, venueId: string): Promise<number> {
  const venue = await api.send({ method: 'GET', path: `/v1/venues/${venueId}`, reply: venueSchema });
  return venue.kind === 'ok' ? venue.body.seatCount : Number.POSITIVE_INFINITY;
}
