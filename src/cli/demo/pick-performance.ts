import { CliFailure, exitCodes } from '../exit-codes.js';
import type { ApiClient } from './api-client.js';
import { type Performance, performanceSchema, performancesSchema, venueSchema } from './replies.js';

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

/** Only its dates that can still be bought. */
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
