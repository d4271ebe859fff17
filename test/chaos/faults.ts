import { setTimeout as delay } from 'node:timers/promises';
import type { ChaosOffice } from './chaos-office.js';
import type { Random } from './random.js';

/** How long and how much. */
export interface FaultSettings {
  readonly freezeMs: number;
  readonly redisAwayMs: number;
  /** Two of three nodes of EventStoreDB. */
  readonly logAwayMs: number;
  /** A wrong clock is ahead or behind by so much. */
  readonly clockShiftMs: number;
}

/** Everything else that lasts. */
export const lastsMs = 3_000;

/** Something that goes wrong in one cycle. */
export interface Fault<Office extends ChaosOffice> {
  readonly name: string;
  /** What happens, for the help text and docs. */
  readonly meaning: string;
  /** Makes it happen, and resolves when it is over. @returns details for the report. */
  readonly inject: (office: Office, settings: FaultSettings, random: Random) => Promise<string>;
}

/** Keeps a fault up for a while, and ends it whatever happens meanwhile. */
export async function during(ms: number, end: () => void | Promise<void>): Promise<void> {
  try {
    await delay(ms);
  } finally {
    await end();
  }
}

/** Ahead or behind, by chance. */
export function shiftOf({ clockShiftMs }: FaultSettings, random: Random): number {
  return random.next() < 0.5 ? clockShiftMs : -clockShiftMs;
}
