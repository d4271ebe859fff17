import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { openSqliteEventStore } from '../../src/event-store/sqlite/sqlite-event-store.js';
import type { UserId } from '../../src/events/ids.js';
import { openPersonalKeys } from '../../src/personal-data/personal-keys.js';
import { erased, revealingStore } from '../../src/personal-data/store-views.js';
import { bySize } from '../services/test-size.js';
import { secret } from './new-user.js';

/** After how many lines each process is killed. */
const kills = [1, 60, 400].slice(0, bySize(2, 3));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'key-kill-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Registers and erases people in a process of its own, and kills it; what it was told. */
async function runUntilKilled(at: number): Promise<{ registered: Set<UserId>; erased: Set<UserId> }> {
  const child = spawn(process.execPath, [join(__dirname, 'key-kill-target.mjs'), folder, secret.current], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const told = { registered: new Set<UserId>(), erased: new Set<UserId>() };
  let lines = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    // The last line may be torn by the kill: then it was never told.
    if (!line.endsWith('}')) continue;
    const { registered, erased } = JSON.parse(line) as { registered?: UserId; erased?: UserId }; // see the target
    if (registered !== undefined) told.registered.add(registered);
    if (erased !== undefined) told.erased.add(erased);
    lines += 1;
    if (lines === at) child.kill('SIGKILL');
  }
  const [, signal] = await exited;
  expect(signal).toBe('SIGKILL');
  return told;
}

it.each(kills)(
  'a kill after %p answers leaves a key for every name in the log, and none of the erased',
  async (at) => {
    const told = await runUntilKilled(at);
    const log = await openSqliteEventStore({ file: join(folder, 'events.db') });
    const place = join(folder, 'keys.db');
    const keys = await openPersonalKeys({ place, secret, store: log, isLossAccepted: false });
    try {
      // Throws when a name was sealed with a key that is not in the table.
      const events = await revealingStore(log, keys).readCategory('user');
      const names = new Map(
        events.map(({ data }) => {
          const { userId, name } = data as { userId: UserId; name: string }; // the target registers only
          return [userId, name];
        }),
      );
      expect([...told.registered].filter((userId) => !names.has(userId))).toEqual([]);
      expect([...told.erased].filter((userId) => names.get(userId) !== erased)).toEqual([]);
      // An erasure may have been written without being told: at most one for each of the target's 32 loops.
      const silently = [...names].filter(([userId, name]) => name === erased && !told.erased.has(userId));
      expect(silently.length).toBeLessThanOrEqual(32);
    } finally {
      await keys.close();
      await log.close();
    }
  },
);
