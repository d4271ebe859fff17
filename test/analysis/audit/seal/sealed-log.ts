import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { checkSeals, type SealCheck } from '../../../../src/analysis/audit/check-seals.js';
import { type Seal, sealLine, sealLog } from '../../../../src/analysis/audit/seal.js';
import type { StoredLog } from '../../../../src/event-store/port.js';
import { openSqliteStoredLog } from '../../../../src/event-store/sqlite/reader.js';
import { openSqliteEventStore } from '../../../../src/event-store/sqlite/sqlite-event-store.js';
import { toInstant } from '../../../../src/events/ids.js';
import { newEvent } from '../../../event-store/new-event.js';

export const rangeEvents = 50;
export const key: KeyObject = generateKeyPairSync('ed25519').privateKey;
export const publicKey = createPublicKey(key);

/** Appends events to a log in a file, three to a stream, in streams of two categories. */
export async function writeLog(file: string, events: number, from = 0): Promise<void> {
  const store = await openSqliteEventStore({ file });
  for (let n = from; n < from + events; n++) {
    const category = n % 2 === 0 ? 'seat' : 'order';
    await store.append(`${category}-${Math.floor(n / 6)}`, 'any', [newEvent({ n, points: 10 * n })]);
  }
  await store.close();
}

/** Seals what is new behind `before`. */
export async function seal(log: StoredLog, before: readonly Seal[] = []): Promise<Seal[]> {
  const seals: Seal[] = [];
  const options = { last: before.at(-1), rangeEvents, key, now: () => toInstant(0) };
  for await (const one of sealLog(log, options)) seals.push(one);
  return seals;
}

export async function check(
  seals: readonly (Seal | string)[],
  log: StoredLog,
  trusted: KeyObject = publicKey,
): Promise<SealCheck> {
  async function* lines() {
    for (const one of seals) yield typeof one === 'string' ? one : sealLine(one);
  }
  return checkSeals(lines(), log, { publicKey: trusted });
}

/** Uses the log in a file as it is stored. */
export async function withLog<Result>(
  file: string,
  use: (log: StoredLog) => Promise<Result>,
): Promise<Result> {
  const log = openSqliteStoredLog(file);
  try {
    return await use(log);
  } finally {
    await log.close();
  }
}
