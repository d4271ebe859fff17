import { openLog } from '../../src/cli/open-log.js';
import { processTerminal } from '../../src/cli/terminal.js';
import { pagesOf } from '../../src/event-store/reading.js';
import type { EventMetadata } from '../../src/events/event.js';
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
    for await (const page of pagesOf((options) => log.readCategory(category, options))) {
      for (const { type, data, metadata } of page) {
        // Every event's data is a JSON object, and encodeEvent writes its metadata.
        events.push({ type, data: data as Record<string, unknown>, metadata: metadata as EventMetadata });
      }
    }
    return events;
  } finally {
    await log.close();
  }
}
