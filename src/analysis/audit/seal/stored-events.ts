import type { StoredEvent, StoredLog } from '../../../event-store/port.js';

const pageEvents = 256;

/** Events of a log one by one, from behind a position (null: from the start), read page by page. */
export async function* storedEvents(log: StoredLog, after: number | null): AsyncGenerator<StoredEvent> {
  let last = after ?? undefined;
  for (;;) {
    const page = await log.readAfter(last, pageEvents);
    yield* page;
    const newest = page.at(-1);
    if (!newest) return;
    last = newest.position;
  }
}
