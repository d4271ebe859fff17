import { lstatSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isRunning, thisProcess } from './process-identity.js';

/** What a folder is for; part of its name. */
export type TemporaryFolderPurpose = 'fold' | 'demo';

/** `boxoffice-fold-<process id>-<its start>-<random>`. */
const ourName = /^boxoffice-(?:fold|demo)-(\d{1,10})-(\d{1,15})-[0-9A-Za-z]{6}$/;

/** Folders removed at one start. */
const maxRemoved = 100;

/**
 * Creates a folder in TMPDIR that only its owner can open. Whoever creates it removes it; if the process is killed
 * before, {@link removeAbandonedFolders} of a later one does.
 */
export function createTemporaryFolder(purpose: TemporaryFolderPurpose): Promise<string> {
  const { pid, startTicks } = thisProcess();
  return mkdtemp(join(tmpdir(), `boxoffice-${purpose}-${pid}-${startTicks}-`));
}

/**
 * Removes the temporary folders of our processes that have died, at most a hundred: they may contain names. Folders of
 * other users, links and anything else with such a name stay.
 * @returns how many were removed.
 */
export async function removeAbandonedFolders(): Promise<number> {
  const abandoned = readdirSync(tmpdir())
    .filter(isAbandoned)
    .map((name) => join(tmpdir(), name))
    .filter(isOwnFolder)
    .slice(0, maxRemoved);
  let removed = 0;
  for (const folder of abandoned) {
    try {
      await rm(folder, { recursive: true, force: true });
      removed++;
    } catch {
      // Another start removes it at the same moment, or the next one will.
    }
  }
  return removed;
}

function isAbandoned(name: string): boolean {
  const [, pid, startTicks] = ourName.exec(name) ?? [];
  return pid !== undefined && !isRunning({ pid: Number(pid), startTicks: Number(startTicks) });
}

function isOwnFolder(path: string): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats?.isDirectory() === true && stats.uid === process.getuid?.();
}
