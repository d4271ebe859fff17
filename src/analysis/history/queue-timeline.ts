import { shuffledPlaces } from '../../domain/shuffle.js';
import type { PerformanceId } from '../../events/ids.js';
import type { StoredEvent } from './stored-event.js';
import { Timeline } from './timeline.js';
import type { TimelineKind } from './timelines.js';

/** What an event of a queue was. */
export const queueKinds = {
  /** Subject: the token. Detail: its number. */
  issued: 0,
  opened: 1,
  /** Subject: first place. Detail: the place after the last. */
  admitted: 2,
  /** Subject: the token. */
  entered: 3,
  /** Subject: the token. */
  ended: 4,
} as const;
const { issued, opened, admitted, entered, ended } = queueKinds;

/** One queue. The draw of the places is kept beside the numbers. */
export class QueueTimeline extends Timeline {
  /** By queue number, for those who joined before the opening; empty until it opened. */
  places: Uint32Array = new Uint32Array();

  override get bytes(): number {
    return super.bytes + this.places.byteLength;
  }
}

export const queueTimelines: TimelineKind<QueueTimeline> = {
  categories: ['queue', 'admission', 'token'],
  create: () => new QueueTimeline(),
  record(timeline, performanceId, event) {
    const change = changeOf(timeline, performanceId as PerformanceId, event); // the key is a performance's id
    if (!change) return;
    const [kind, subject, detail] = change;
    timeline.add({ position: event.position, at: event.at, kind, subject, detail });
  },
};

function changeOf(
  timeline: QueueTimeline,
  performanceId: PerformanceId,
  event: StoredEvent,
): readonly [kind: number, subject: number, detail: number] | undefined {
  switch (event.type) {
    case 'TokenIssued':
      if (event.data.performanceId !== performanceId) return undefined;
      return [issued, timeline.numberOf(event.data.tokenId), event.revision];
    case 'QueueOpened':
      if (event.data.performanceId !== performanceId) return undefined;
      timeline.places = shuffledPlaces(event.data.seed, event.data.shuffledCount);
      return [opened, 0, event.data.shuffledCount];
    case 'TokensAdmitted':
      if (event.data.performanceId !== performanceId) return undefined;
      return [admitted, event.data.from, event.data.to];
    case 'TokenEntered':
      if (event.data.performanceId !== performanceId) return undefined;
      return [entered, timeline.numberOf(event.data.tokenId), 0];
    case 'TokenCompleted':
    case 'TokenExpired':
    case 'TokenLeft':
      if (event.data.performanceId !== performanceId) return undefined;
      return [ended, timeline.numberOf(event.data.tokenId), 0];
    default:
      return undefined;
  }
}
