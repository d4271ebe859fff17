import { setImmediate } from 'node:timers/promises';
import type { EventStore, Position } from '../../event-store/port.js';
import { type Instant, toInstant } from '../../events/ids.js';
import { Auditor } from './auditor.js';
import type { AuditOptions } from './fact.js';
import type { AuditReport } from './report.js';

export interface AuditLogOptions extends Partial<AuditOptions> {
  /** Called after each page. `lastPosition`: where the audit will stop. */
  readonly onProgress?: (progress: AuditProgress) => void;
  /**
   * The moment deadlines are judged by, taken before the call: the system's clock for a log that is being
   * written. Default: the time of the last event, for a log at rest, where nobody is there to end a hold.
   */
  readonly now?: Instant;
  /** Ends the audit early by throwing its reason. */
  readonly signal?: AbortSignal;
}

export interface AuditProgress {
  readonly events: number;
  readonly position: Position;
  readonly lastPosition: Position;
}

/** Events between two breaths of the event loop: some ten milliseconds of work. */
const pageSize = 512;

/** Audits the log from its start up to where it ends now; other work goes on between pages. */
export async function auditLog(store: EventStore, options: AuditLogOptions = {}): Promise<AuditReport> {
  const auditor = new Auditor(options);
  const head = await store.head();
  let events = 0;
  let last: Position | undefined;
  while (head !== undefined && (last === undefined || last < head)) {
    options.signal?.throwIfAborted();
    // Positions have gaps of unknown size: the next page begins with the last event of the one before.
    const page = await store.readAll({ from: last ?? 'start', limit: pageSize });
    const before = last;
    const fresh = page.filter(
      ({ position }) => position <= head && (before === undefined || position > before),
    );
    for (const event of fresh) auditor.apply(event);
    events += fresh.length;
    last = fresh.at(-1)?.position;
    if (last === undefined) break;
    options.onProgress?.({ events, position: last, lastPosition: head });
    await setImmediate();
  }
  return auditor.finish(options.now ?? auditor.newestAt ?? toInstant(0));
}
