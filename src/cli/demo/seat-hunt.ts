import type { z } from 'zod';
import type { Random } from '../../platform/random.js';
import type { ApiClient, ApiReply, ApiRequest } from './api-client.js';
import { chooseSeats } from './choose-seats.js';
import type { FanPlan } from './fan-plan.js';
import { holdSchema, type Performance, seatMapSchema } from './replies.js';

export type Hold = z.infer<typeof holdSchema>;

interface Hunter {
  readonly api: ApiClient;
  readonly plan: FanPlan;
  readonly random: Random;
  readonly schedules: Performance['schedules'];
  /** Sends a request with the fan's place in the queue. */
  readonly send: <T>(request: ApiRequest<T>) => Promise<ApiReply<T>>;
}

/** Seats tried by name before a fan takes whatever is left, and tries at that before giving up on a date. */
const namedTries = 6;
const bestTries = 4;

/** Holds seats as the fan planned, trying the dates from the favourite one on; undefined when nothing is left. */
export async function huntSeats(hunter: Hunter): Promise<Hold | undefined> {
  const { schedules, plan } = hunter;
  for (let n = 0; n < schedules.length; n++) {
    const date = schedules[(plan.firstDate + n) % schedules.length];
    const hold = date && (await huntAt(hunter, date.scheduleId));
    if (hold) return hold;
  }
  return undefined;
}

async function huntAt(hunter: Hunter, scheduleId: string): Promise<Hold | undefined> {
  let { tickets } = hunter.plan;
  const named = hunter.plan.way === 'named seats' ? namedTries : 0;
  for (let attempt = 0; attempt < named + bestTries && tickets > 0; attempt++) {
    const seatIds = attempt < named ? await look(hunter, scheduleId, tickets) : undefined;
    const body = seatIds ? { seatIds } : { bestAvailable: { quantity: tickets } };
    const path = `/v1/schedules/${scheduleId}/holds`;
    const held = await hunter.send({ method: 'POST', path, reply: holdSchema, body, isOnce: true });
    if (held.kind === 'ok') return held.body;
    // Not that many left together: fewer will do.
    if (held.code === 'no-seats-available') tickets--;
    else if (!['seat-held', 'seat-reserved', 'busy'].includes(held.code)) return undefined;
  }
  return undefined;
}

async function look(
  { api, random }: Hunter,
  scheduleId: string,
  tickets: number,
): Promise<string[] | undefined> {
  const path = `/v1/schedules/${scheduleId}/seats`;
  const map = await api.send({ method: 'GET', path, reply: seatMapSchema });
  return map.kind === 'ok' ? chooseSeats(map.body, tickets, random) : undefined;
}
