import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { FittingStore, LogFit } from '../../src/app/log-fit.js';
import { openEventStoreDb } from '../../src/event-store/eventstoredb/event-store-db.js';
import { type EventStore, LogReplaced, StoreUnavailable } from '../../src/event-store/port.js';
import { Collector } from '../event-store/collector.js';
import { newEvents, streamIn } from '../event-store/new-event.js';
import { logFolder } from '../event-store/opened-store.js';
import { ChildServer } from '../eventstoredb-server/child-server.js';
import { waitUntil } from '../services/wait-until.js';

/** A server whose log can be replaced, and a process's store on it. */
class Replaceable {
  readonly lines: string[] = [];
  readonly fit: LogFit;
  readonly store: EventStore;

  private constructor(
    private readonly server: ChildServer,
    private readonly file: string,
    private readonly remove: () => void,
    mayLag: boolean,
    appendTimeoutMs: number,
  ) {
    this.fit = new LogFit({ error: (_details: object, line: string) => this.lines.push(line) }, mayLag);
    const store = openEventStoreDb({
      connectionString: server.connectionString,
      attemptTimeoutMs: 500,
      appendTimeoutMs,
      readTimeoutMs: 60_000,
      silenceMs: 500,
      recognise: (eventAt) => this.fit.recognise(eventAt),
    });
    this.store = new FittingStore(store, this.fit, true);
  }

  static async open({ mayLag = false, appendTimeoutMs = 250_000 } = {}): Promise<Replaceable> {
    const { file, remove } = logFolder();
    return new Replaceable(await new ChildServer({ file }).start(), file, remove, mayLag, appendTimeoutMs);
  }

  get connectionString(): string {
    return this.server.connectionString;
  }

  keep(): void {
    copyFileSync(this.file, `${this.file}.kept`);
  }

  /** The server is killed and comes back with another log. */
  async comeBackWith(log: 'kept' | 'nothing' | 'its own'): Promise<void> {
    await this.server.kill();
    if (log === 'kept') copyFileSync(`${this.file}.kept`, this.file);
    if (log === 'nothing') writeFileSync(this.file, '');
    await this.server.start();
  }

  /** Streams of the product in the server's log. */
  streams(): string[] {
    const lines = readFileSync(this.file, 'utf8').split('\n');
    const names = lines.filter((line) => line !== '').map((line): string => JSON.parse(line).stream);
    return names.filter((name) => !name.startsWith('$'));
  }

  async close(): Promise<void> {
    await this.store.close();
    await this.server.kill();
    rmSync(`${this.file}.kept`, { force: true });
    this.remove();
  }
}

let log: Replaceable;
afterEach(() => log.close());

it.each(['kept', 'nothing'] as const)(
  'a log that comes back as an older one (%s) is neither read nor written any more, and one line says why',
  async (which) => {
    log = await Replaceable.open();
    const { store, fit, lines } = log;
    const [first, second] = [streamIn('note'), streamIn('note')];
    await store.append(first, 'none', newEvents(2));
    log.keep();
    const collector = new Collector(store, { after: 'start', categories: ['note'] });
    await store.append(second, 'none', newEvents(1));
    await collector.untilEvents(3);
    await log.comeBackWith(which);
    await expect(collector.subscription.done).rejects.toThrow(LogReplaced);
    expect(collector.events).toHaveLength(3);
    await expect(store.append(streamIn('note'), 'none', newEvents(1))).rejects.toThrow(StoreUnavailable);
    await expect(store.append(second, 'none', newEvents(1))).rejects.toThrow('nothing was appended');
    await expect(store.readAll()).rejects.toThrow(LogReplaced);
    expect(fit.refusal).toMatch(
      `The log is not the one this process has worked with, since event 0 of stream ${second}, read at position`,
    );
    expect(lines).toEqual([`nothing is served any more: ${fit.refusal}`]);
    expect(log.streams()).toEqual(which === 'kept' ? [first] : []);
  },
);

it('an append in progress when the log is replaced is not written into the new one', async () => {
  log = await Replaceable.open();
  const { store } = log;
  await store.append(streamIn('note'), 'none', newEvents(1));
  const appends: Promise<unknown>[] = [];
  const isBack = log.comeBackWith('nothing').then(() => true);
  // One after the other during the whole change: the adapter repeats each after lost connections.
  const one = async () => store.append(streamIn('note'), 'none', newEvents(1));
  for (let isOver = false; !isOver; ) {
    appends.push(one().catch((error: unknown) => error));
    isOver = await Promise.race([isBack, new Promise<false>((go) => setImmediate(go, false))]);
  }
  for (const outcome of await Promise.all(appends.slice(-1)))
    expect(outcome).toBeInstanceOf(StoreUnavailable);
  await Promise.all(appends);
  expect(log.streams()).toEqual([]);
});

it('a log that has another event in the place of the newest one seen is refused', async () => {
  log = await Replaceable.open();
  const { store, fit } = log;
  const stream = streamIn('note');
  log.keep();
  await store.append(stream, 'none', newEvents(1));
  await log.comeBackWith('kept');
  const other = openEventStoreDb({ connectionString: log.connectionString });
  await other.append(stream, 'none', newEvents(1));
  await other.close();
  await expect(store.append(stream, 0, newEvents(1))).rejects.toThrow(StoreUnavailable);
  expect(fit.refusal).toContain('is another one: bring back the log');
});

it('a server that comes back with its own log is used again', async () => {
  log = await Replaceable.open();
  const { store, fit } = log;
  const stream = streamIn('note');
  const collector = new Collector(store, { after: 'start', categories: ['note'] });
  await store.append(stream, 'none', newEvents(1));
  await log.comeBackWith('its own');
  await store.append(stream, 0, newEvents(1));
  await collector.untilEvents(2);
  expect(fit.refusal).toBeUndefined();
});

it('a follower that lags is waited for: missing events are no proof of another log', async () => {
  log = await Replaceable.open({ mayLag: true, appendTimeoutMs: 2_000 });
  const { store, fit } = log;
  const stream = streamIn('note');
  await store.append(stream, 'none', newEvents(1));
  log.keep();
  await log.comeBackWith('nothing');
  await expect(store.append(stream, 0, newEvents(1))).rejects.toThrow(StoreUnavailable);
  expect(fit.refusal).toBeUndefined();
  await log.comeBackWith('kept');
  const events = newEvents(1);
  // The short limit is for the append above.
  await waitUntil('the append succeeds', async () => (await store.append(stream, 0, events)).revision === 1);
  expect(log.streams()).toEqual([stream, stream]);
});
