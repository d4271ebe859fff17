import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import {
  hasEnded,
  PROJECTION_REBUILDS,
  type ProjectionRebuild,
  type ProjectionRebuilds,
} from '../projection-rebuilds.js';
import type { EventStream } from './event-streams.js';
import { sseMessage } from './sse-message.js';

/** A rebuild tells once a second how far it is. */
const lookEveryMs = 500;

/** Shows operators how a rebuild goes on: each asks the database, since there are few of them. */
@Injectable()
export class RebuildProgressFeed {
  constructor(@Inject(PROJECTION_REBUILDS) private readonly rebuilds: ProjectionRebuilds) {}

  /** Sends how a rebuild is, at once and whenever that changes, and ends the stream with it. */
  follow(rebuild: ProjectionRebuild, stream: EventStream): void {
    const closed = new AbortController();
    stream.onClose(() => closed.abort());
    void this.#follow(rebuild, stream, closed.signal);
  }

  async #follow(rebuild: ProjectionRebuild, stream: EventStream, closed: AbortSignal): Promise<void> {
    let sent = '';
    let now: ProjectionRebuild | undefined = rebuild;
    while (!closed.aborted) {
      const message = sseMessage('rebuild', now);
      if (message !== sent) stream.send(message);
      sent = message;
      if (hasEnded(now)) break;
      await delay(lookEveryMs, undefined, { signal: closed }).catch(() => undefined);
      // A database that does not answer now may do so later; of a rebuild that was replaced nothing more is known.
      const found: ProjectionRebuild | undefined | null = closed.aborted
        ? undefined
        : await this.rebuilds.find(rebuild.rebuildId).catch(() => null);
      if (found === undefined) break;
      now = found ?? now;
    }
    stream.end();
  }
}
