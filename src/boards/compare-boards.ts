import { setTimeout as delay } from 'node:timers/promises';
import type { BoardComparison } from '../queries/replies/boards.js';

/** Looks at a board before it is called different: the tables may have an event that has not reached this process yet. */
const looks = 4;
const pauseMs = 400;
const maxDifferences = 10;

/** What two replies of one shape say differently, in words. */
export function differencesOf<Reply extends object>(inMemory: Reply, inTables: Reply): string[] {
  const expected = new Map<string, unknown>(Object.entries(inTables));
  return Object.entries(inMemory)
    .filter(([name, value]) => value !== expected.get(name))
    .map(([name, value]) => `${name}: ${String(value)}, in the tables ${String(expected.get(name))}`);
}

/** What differs now, in words; undefined when memory and tables cannot be compared at this moment. */
export type Look = () => Promise<readonly string[] | undefined>;

/**
 * Compares a board with the tables while both may change: only what differs in the same way in every look is a
 * difference.
 */
export async function compareBoard(
  kind: BoardComparison['kind'],
  id: string,
  look: Look,
): Promise<BoardComparison> {
  let lasting: readonly string[] | undefined;
  for (let n = 1; n <= looks; n++) {
    if (n > 1) await delay(pauseMs);
    const found = await look();
    if (found?.length === 0) return { kind, id, outcome: 'same', differences: [] };
    if (found) lasting = lasting ? lasting.filter((one) => found.includes(one)) : found;
  }
  // What differed in one way and then in another was changing.
  if (!lasting?.length) return { kind, id, outcome: 'in-motion', differences: [] };
  return { kind, id, outcome: 'different', differences: lasting.slice(0, maxDifferences) };
}
