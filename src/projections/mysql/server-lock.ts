import { createHash } from 'node:crypto';
import type { AnyRow, CellValue } from '../engine/table.js';

/** Asks on one connection: the locks are the connection's. */
type Ask = (sql: string, parameters: readonly CellValue[]) => Promise<readonly AnyRow[]>;

export type LockPurpose = 'migrations' | 'renames';

/**
 * Takes a lock that processes on the same database share, as `GET_LOCK` keeps it: until it is given back or the
 * connection ends.
 * @returns a function that gives it back, or undefined when another process has it for longer than `waitSeconds`.
 */
export async function takeServerLock(
  ask: Ask,
  purpose: LockPurpose,
  waitSeconds: number,
): Promise<(() => Promise<void>) | undefined> {
  // As the server spells it, which may be in lower case.
  const [where] = await ask('SELECT DATABASE() AS name', []);
  const name = lockName(purpose, String(where?.name));
  const [row] = await ask('SELECT GET_LOCK(?, ?) AS locked', [name, waitSeconds]);
  if (Number(row?.locked) !== 1) return undefined;
  return async () => {
    await ask('SELECT RELEASE_LOCK(?) AS released', [name]);
  };
}

/**
 * Lock names are the server's, so they name the database; they hold at most 64 characters. Every process must compute
 * the same, those of older builds included, which let the server compute it: `LEFT(SHA1(DATABASE()), 32)`.
 */
export function lockName(purpose: LockPurpose, database: string): string {
  return `boxoffice-${purpose}-${createHash('sha1').update(database, 'utf8').digest('hex').slice(0, 32)}`;
}
