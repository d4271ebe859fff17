import type { Clock } from '../../platform/clock.js';
import type { ReadModels } from '../read-models.js';
import { type RebuildProgress, RebuildStopped, renewLease } from './rebuild-row.js';

const renewEveryMs = 1_000;

/** A kept lease. */
export interface Lease {
  /** Aborts when the rebuild must stop: it was cancelled, or another one took its place. */
  readonly signal: AbortSignal;
  /** Stops keeping it. */
  release(): Promise<void>;
}

/** Renews a rebuild's lease once a second, and tells on the way how far it is. */
export function keepLease(
  { write, dialect }: ReadModels,
  rebuildId: string,
  options: { readonly clock: Clock; progress(): RebuildProgress },
): Lease {
  const stop = new AbortController();
  let renewing = Promise.resolve();
  const renew = async (): Promise<void> => {
    try {
      await dialect.withSession(write, (session) =>
        renewLease(session, rebuildId, options.progress(), options.clock.now()),
      );
    } catch (error) {
      // A database that does not answer may do so before the lease is over.
      if (error instanceof RebuildStopped) stop.abort(error);
    }
  };
  const timer = setInterval(() => {
    renewing = renewing.then(renew);
  }, renewEveryMs);
  return {
    signal: stop.signal,
    async release() {
      clearInterval(timer);
      await renewing;
    },
  };
}
