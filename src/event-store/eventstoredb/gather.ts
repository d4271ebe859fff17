import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RecordedEvent } from '../port.js';
import type { Feed } from './feed.js';
import { recordedEvent } from './records.js';

/** A checkpoint of the server: every matching event before this place has been sent. */
export interface Checkpoint {
  readonly commit: string;
  readonly prepare: string;
}

export interface Gathered {
  readonly events: readonly RecordedEvent[];
  /** The last checkpoint, if it came after the events. */
  readonly checkpoint: Checkpoint | undefined;
  /** Whether what follows is sent as it is committed. */
  readonly isLive: boolean;
  /** Whether the server has just said so. */
  readonly hasCaughtUp: boolean;
  /** Messages of any kind: signs of life. */
  readonly messages: number;
}

/** While catching up, how long a batch may wait for more events. */
const lingerMs = 5;

/**
 * Takes what has come: at most `limit` events, those at `after` or before left out. Waits only when it has an
 * event, and only a moment.
 * @throws {UnreadableEvent} when an event is none of the product's.
 */
export async function gather(
  feed: Feed,
  { after, limit, wasLive }: { readonly after: number; readonly limit: number; readonly wasLive: boolean },
): Promise<Gathered> {
  const events: RecordedEvent[] = [];
  let checkpoint: Checkpoint | undefined;
  let isLive = wasLive;
  let hasCaughtUp = false;
  let messages = 0;
  while (events.length < limit) {
    const message = feed.read();
    if (message === undefined) {
      if (events.length > 0 && (await comesMore(feed, isLive))) continue;
      break;
    }
    messages += 1;
    const recorded = message.getEvent()?.getEvent();
    if (recorded !== undefined) {
      const event = recordedEvent(recorded);
      // After subscribing again the server may begin a little before.
      if (event.position > (events.at(-1)?.position ?? after)) events.push(event);
      checkpoint = undefined;
    }
    const reached = message.getCheckpoint();
    if (reached) checkpoint = { commit: reached.getCommitPosition(), prepare: reached.getPreparePosition() };
    if (message.hasFellBehind()) isLive = false;
    if (message.hasCaughtUp()) isLive = hasCaughtUp = true;
  }
  return { events, checkpoint, isLive, hasCaughtUp, messages };
}

async function comesMore(feed: Feed, isLive: boolean): Promise<boolean> {
  if (feed.ended) return false;
  // Events committed together arrive together, but the stream hands them out turn by turn.
  if (isLive) await nextTurn();
  else await feed.wait(lingerMs);
  return feed.hasMore;
}
