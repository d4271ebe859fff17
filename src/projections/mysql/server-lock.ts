import { createHash } from 'node:crypto';
import type { AnyRow, CellValue } from '../engine/table.js';

/** Runs a query, always on the same connection: locks belong to a connection. */
type Ask = (sql: string, parameters: readonly CellValue[]) => Promise<readonly AnyRow[]>;

export type LockPurpose = 'migrations' | 'renames';

/**
 * Takes a lock that all processes of a database share (`GET_LOCK`). The server holds it until it is released or the
 * connection ends.
 * @returns a function that releases it, or undefined when another process held it longer than `waitSeconds`.
 */
export async function takeServerLock(
  ask: Ask,
  purpose: LockPurpose,
  waitSeconds: number,
): Promise<(() => Promise<void>) | undefined> {
  // The server's spelling of the name: it may be in lower case.
  const [where] = await ask('SELECT DATABASE() AS name', []);
  const name = lockName(purpose, String(where?.name));
  const [row] = await ask('SELECT GET_LOCK(?, ?) AS locked', [name, waitSeconds]);
  if (Number(row?.locked) !== 1) return undefined;
  return async () => {
    await ask('SELECT RELEASE_LOCK(?) AS released', [name]);
  };
}

/**
 * Lock names are global to a server, so they contain the database; at most 64 characters. All processes must compute the
 * same name, including those of older builds, which compute it in SQL: `LEFT(SHA1(DATABASE()), 32)`.
 */
export function lockName(purpose: LockPurpose, database: string): string {
  return `boxoffice-${purpose}-${createHash('sha1').update(database, 'utf8').digest('hex').slice(0, 32)}`;
}
