import { setImmediate } from 'node:timers/promises';
import type { EventStore } from '../../event-store/port.js';
import { pagesOf } from '../../event-store/reading.js';
import type { PerformanceId } from '../../events/ids.js';
import type { Demand } from './demand.js';
import { DemandReader } from './demand-reader.js';

/**
 * Reads a performance's demand from the log, in one pass.
 * @param onProgress called after each page.
 * @throws {NothingToReplay} when there is nothing to replay.
 */
export async function readDemand(
  store: Pick<EventStore, 'readAll'>,
  performanceId: PerformanceId,
  onProgress: (progress: { readonly events: number; readonly fans: number }) => void = () => undefined,
): Promise<Demand> {
  const reader = new DemandReader(performanceId);
  let events = 0;
  for await (const page of pagesOf((options) => store.readAll(options))) {
    for (const event of page) reader.apply(event);
    events += page.length;
    onProgress({ events, fans: reader.fans });
    await setImmediate();
  }
  return reader.finish();
}
