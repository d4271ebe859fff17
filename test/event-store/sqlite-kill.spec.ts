import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type EventStore, maxReadCount, type RecordedEvent } from '../../src/event-store/port.js';
import { openSqliteEventStore } from '../../src/event-store/sqlite/sqlite-event-store.js';
import { bySize } from '../services/test-size.js';
import { logFolder } from './opened-store.js';

/** At which acknowledgement each process is killed. */
const kills = [1, 40, 333, 1200, 2500].slice(0, bySize(3, 5));

interface Acknowledged {
  readonly stream: string;
  readonly revision: number;
  readonly ids: readonly string[];
}

function spawnTarget(file: string, round: number) {
  return spawn(process.execPath, [join(__dirname, 'kill-target.mjs'), file, String(round)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Runs a process that appends to the log, kills it at acknowledgement number `at`; what it had been promised. */
async function appendUntilKilled(file: string, round: number, at: number): Promise<Acknowledged[]> {
  const child = spawnTarget(file, round);
  const exited = once(child, 'exit');
  const acknowledged: Acknowledged[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    // The last line may be torn by the kill: then it was never said.
    if (!line.endsWith('}')) continue;
    acknowledged.push(JSON.parse(line));
    if (acknowledged.length === at) child.kill('SIGKILL');
  }
  const [, signal] = await exited;
  expect(signal).toBe('SIGKILL');
  return acknowledged;
}

async function readWholeLog(store: EventStore): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for (;;) {
    const last = events.at(-1);
    const page = await store.readAll({ from: last?.position, limit: maxReadCount });
    events.push(...page.slice(last === undefined ? 0 : 1));
    if (page.length < maxReadCount) return events;
  }
}

/** Every burst is there as a whole, in one piece of its stream. */
function assertWhole(events: readonly RecordedEvent[]): void {
  for (const [at, event] of events.entries()) {
    const { writer, burst, index, count } = event.data as Record<string, number>;
    const first = at - (index ?? 0);
    const burstEvents = events.slice(first, first + (count ?? 0));
    expect(burstEvents.map((one) => one.data)).toMatchObject(
      Array.from({ length: count ?? 0 }, (_, n) => ({ writer, burst, index: n })),
    );
    expect(burstEvents.every((one) => one.stream === event.stream)).toBe(true);
  }
}

it('a log that another process writes is refused, and readable', async () => {
  const { file, remove } = logFolder();
  const child = spawnTarget(file, 0);
  const exited = once(child, 'exit');
  try {
    await once(child.stdout, 'data');
    await expect(openSqliteEventStore({ file })).rejects.toThrow('in use by another boxoffice process');
    const reader = await openSqliteEventStore({ file, readOnly: true });
    const events = await reader.readAll({ limit: 1 });
    await reader.close();
    expect(events).toMatchObject([{ type: 'Burst', revision: 0 }]);
  } finally {
    child.kill('SIGKILL');
    await exited;
    remove();
  }
});

it('a process killed in the middle of bursts loses nothing it acknowledged and leaves nothing half done', async () => {
  const { file, remove } = logFolder();
  const acknowledged: Acknowledged[] = [];
  let store: EventStore | undefined;
  try {
    for (const [round, at] of kills.entries()) {
      acknowledged.push(...(await appendUntilKilled(file, round, at)));
      // The lock died with the process.
      store = await openSqliteEventStore({ file });
      const events = await readWholeLog(store);
      await store.close();

      expect(events.map((event) => Number(event.position))).toEqual(events.map((_, index) => index + 1));
      const byId = new Map(events.map((event) => [event.id, event]));
      expect(byId.size).toBe(events.length);
      for (const { stream, revision, ids } of acknowledged) {
        const found = ids.map((id) => byId.get(id));
        const first = revision - ids.length + 1;
        expect(found).toMatchObject(ids.map((_, index) => ({ stream, revision: first + index })));
      }
      const heads = new Map<string, number>();
      for (const { stream, revision } of events) {
        expect(revision).toBe((heads.get(stream) ?? -1) + 1);
        heads.set(stream, revision);
      }
      assertWhole(events);
    }
  } finally {
    await store?.close();
    remove();
  }
});
