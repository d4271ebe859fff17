import { openLog } from '../../src/cli/open-log.js';
import { processTerminal } from '../../src/cli/terminal.js';
import type { Position, RecordedEvent } from '../../src/event-store/port.js';
import type { EventMetadata } from '../../src/events/metadata.js';
import type { Config } from '../../src/platform/config.js';

export interface LoggedEvent {
  readonly type: string;
  readonly data: Record<string, unknown>;
  readonly metadata: EventMetadata;
}

/** The events of a category, from the log itself, which the office goes on writing. */
export async function readLog(config: Config, category: string): Promise<LoggedEvent[]> {
  const log = await openLog(config, processTerminal);
  try {
    const events: LoggedEvent[] = [];
    for (let from: Position | 'start' = 'start'; ; ) {
      const page: RecordedEvent[] = await log.readCategory(category, { from });
      // Positions have gaps of unknown size: each page begins with the last event of the one before.
      const fresh: RecordedEvent[] = from === 'start' ? page : page.slice(1);
      const last = fresh.at(-1);
      if (!last) return events;
      from = last.position;
      for (const { type, data, metadata } of fresh) {
        // Every event's data is a JSON object, and encodeEvent writes its metadata.
        events.push({ type, data: data as Record<string, unknown>, metadata: metadata as EventMetadata });
      }
    }
  } finally {
    await log.close();
  }
}
