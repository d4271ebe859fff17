import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventStore } from '../../src/event-store/port.js';

export interface OpenedStore {
  readonly store: EventStore;
  /** Closes the store and opens the same log again; left out by engines that keep nothing. */
  readonly reopen?: () => Promise<EventStore>;
  /** Closes whatever is open and removes the log. */
  readonly cleanup: () => Promise<void>;
}

/** Opens an engine. The log may hold other events already; tests use streams and categories of their own. */
export type OpenStore = () => Promise<OpenedStore>;

/** Opens one store for all tests of the enclosing describe; they use streams and categories of their own. */
export function sharedStore(open: OpenStore): () => EventStore {
  let opened: OpenedStore | undefined;
  beforeAll(async () => {
    opened = await open();
  });
  afterAll(async () => {
    await opened?.cleanup();
  });
  return () => {
    if (opened === undefined) throw new Error('only while a test runs');
    return opened.store;
  };
}

/** Opens a store for one test. */
export async function withStore(open: OpenStore, use: (opened: OpenedStore) => Promise<void>): Promise<void> {
  const opened = await open();
  try {
    await use(opened);
  } finally {
    await opened.cleanup();
  }
}

/** A fresh folder, and the path of an event log in it. */
export function logFolder(): { folder: string; file: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'boxoffice-log-'));
  return {
    folder,
    file: join(folder, 'events.db'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
