import type { AdmittedPlaces, PublishedQueue, QueuedNumber } from '../../analysis/audit/queue-fairness.js';
import { shuffleAlgorithm, shuffledPlaces } from '../../domain/shuffle.js';
import { type EventStore, maxReadCount } from '../../event-store/port.js';
import { pagesOf } from '../../event-store/reading.js';
import type { Instant, PerformanceId, TokenId } from '../../events/ids.js';
import { decodeEvent } from '../../events/registry.js';
import { type StreamName, streams } from '../../events/streams.js';
import { CliFailure } from '../exit-codes.js';

/** What the token streams say of a turn: its entry as it was written, and whether it ended before it came. */
interface Turn {
  readonly entered?: { readonly place: number; readonly admittedAt: Instant };
  readonly left?: boolean;
}

/**
 * A queue as its log tells it. Who was let in is told by the admissions' ranges of places; where a fan's own entry
 * states a place and a moment, those count.
 * @param onEvents called after each page with the events read so far.
 * @throws {CliFailure} when the log knows no such performance.
 */
export async function queueFromLog(
  store: EventStore,
  performanceId: PerformanceId,
  onEvents: (count: number) => void,
): Promise<PublishedQueue> {
  let seedHash: string | undefined;
  let opening: PublishedQueue['opening'] = null;
  const admissions: AdmittedPlaces[] = [];
  const numberOf = new Map<TokenId, number>();
  let read = 0;
  const count = () => onEvents(++read);
  for await (const { event } of eventsOf(store, streams.performance(performanceId))) {
    if (event.type === 'PerformancePublished') seedHash = event.data.seedHash;
  }
  if (seedHash === undefined) throw new CliFailure(`the log knows no performance ${performanceId}`);
  for await (const { event } of eventsOf(store, streams.admission(performanceId))) {
    count();
    if (event.type === 'QueueOpened') opening = event.data;
    if (event.type === 'TokensAdmitted') admissions.push(event.data);
  }
  for await (const { event, revision } of eventsOf(store, streams.queue(performanceId))) {
    count();
    // A second number of one token is nobody's.
    if (event.type !== 'TokenIssued' || numberOf.has(event.data.tokenId)) continue;
    numberOf.set(event.data.tokenId, revision);
  }
  const turns = await turnsOf(store, performanceId, count);
  const places = opening ? shuffledPlaces(opening.seed, opening.shuffledCount) : new Uint32Array();
  const admittedUpTo = admissions.at(-1)?.to ?? 0;
  const numbers = [...numberOf].map(([tokenId, number]): QueuedNumber => {
    const { entered, left = false } = turns.get(tokenId) ?? {};
    if (entered) return { number, tokenId, state: 'admitted', ...entered };
    const place = places[number] ?? number;
    const admission = opening && !left ? admissionOf(admissions, place) : undefined;
    const state = left ? 'left' : admission ? 'admitted' : 'waiting';
    return { number, tokenId, place: null, state, admittedAt: admission?.admittedAt ?? null };
  });
  return {
    performanceId,
    algorithm: shuffleAlgorithm,
    seedHash,
    opening,
    admittedAtLeast: admittedUpTo,
    admittedAtMost: admittedUpTo,
    admissions,
    numbers,
  };
}

/** What the token streams say of each turn at a performance that has begun or ended. */
async function turnsOf(
  store: EventStore,
  performanceId: PerformanceId,
  count: () => void,
): Promise<ReadonlyMap<TokenId, Turn>> {
  const turns = new Map<TokenId, Turn>();
  for await (const page of pagesOf((options) => store.readCategory('token', options))) {
    for (const recorded of page) {
      count();
      const event = decodeEvent(recorded);
      if (!('performanceId' in event.data) || event.data.performanceId !== performanceId) continue;
      if (event.type === 'TokenEntered') {
        const { tokenId, place, admittedAt } = event.data;
        turns.set(tokenId, { entered: { place, admittedAt } });
      }
      const hasLeft =
        event.type === 'TokenLeft' || (event.type === 'TokenExpired' && event.data.reason !== 'claim-lapsed');
      if (hasLeft && !turns.has(event.data.tokenId)) turns.set(event.data.tokenId, { left: true });
    }
  }
  return turns;
}

/** The events of one stream. */
async function* eventsOf(store: EventStore, stream: StreamName) {
  for (let from = 0; ; from += maxReadCount) {
    const page = await store.readStream(stream, { from, limit: maxReadCount });
    for (const recorded of page) yield { event: decodeEvent(recorded), revision: recorded.revision };
    if (page.length < maxReadCount) return;
  }
}

/** The admission that let a place in (binary search: ranges are in order of places). */
function admissionOf(admissions: readonly AdmittedPlaces[], place: number): AdmittedPlaces | undefined {
  let low = 0;
  let high = admissions.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((admissions[middle]?.to ?? 0) <= place) low = middle + 1;
    else high = middle;
  }
  const admission = admissions[low];
  return admission && admission.from <= place ? admission : undefined;
}
