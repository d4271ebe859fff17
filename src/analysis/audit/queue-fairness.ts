import { seedMatches, shuffleAlgorithm, shuffledPlaces } from '../../domain/shuffle.js';
import type { Instant, PerformanceId, TokenId } from '../../events/ids.js';

/** What a queue's office has published about it. */
export interface PublishedQueue {
  readonly performanceId: PerformanceId;
  readonly algorithm: string;
  readonly seedHash: string;
  /** Null until the queue opened. */
  readonly opening: { readonly seed: string; readonly shuffledCount: number } | null;
  /** Places below it were admitted when the reading began, and when it had ended: a queue goes on meanwhile. */
  readonly admittedAtLeast: number;
  readonly admittedAtMost: number;
  /** The admissions as they were written, where the log itself is read. */
  readonly admissions?: readonly AdmittedPlaces[];
  /** In the order of their numbers. */
  readonly numbers: readonly QueuedNumber[];
}

/** A range of places that was let in, `from` inclusive to `to` exclusive. */
export interface AdmittedPlaces {
  readonly from: number;
  readonly to: number;
  readonly admittedAt: Instant;
}

/** A number and what is claimed of it. */
export interface QueuedNumber {
  readonly number: number;
  readonly tokenId: TokenId;
  /** As stated; null where nothing states it. */
  readonly place: number | null;
  /** `left`: the turn ended before it came. */
  readonly state: 'waiting' | 'admitted' | 'left';
  readonly admittedAt: Instant | null;
}

export type FairnessCheck = 'algorithm' | 'hash-kept' | 'seed' | 'numbers' | 'places' | 'ranges' | 'order';

export interface CheckResult {
  readonly check: FairnessCheck;
  readonly examined: number;
  readonly mismatches: number;
  /** The first mismatches in words. */
  readonly first: readonly string[];
}

/** Everybody let in at one moment, by the places of their fans. */
interface FairAdmission extends AdmittedPlaces {
  readonly fans: number;
}

export interface FairnessVerdict {
  readonly performanceId: PerformanceId;
  /** Nothing contradicts the published rules. */
  readonly fair: boolean;
  readonly opened: boolean;
  readonly seedHash: string;
  readonly seed: string | null;
  readonly shuffledCount: number;
  readonly fans: number;
  readonly admittedUpTo: number;
  readonly checks: readonly CheckResult[];
  readonly admissions: { readonly count: number; readonly last: readonly FairAdmission[] };
  /** The number asked for, with the place recomputed; null when there is none. */
  readonly token: (QueuedNumber & { readonly recomputedPlace: number | null }) | null;
}

const maxQuoted = 10;
const maxAdmissionsListed = 20;

/**
 * Recomputes every place of a queue and checks that it was served in that order.
 * @param asked.tokenId whose place to tell.
 * @param asked.seedHash the hash as somebody noted it before the opening.
 */
export function judgeQueue(
  queue: PublishedQueue,
  asked: { readonly tokenId?: string | undefined; readonly seedHash?: string | undefined } = {},
): FairnessVerdict {
  const { opening, numbers, seedHash } = queue;
  const places = opening ? shuffledPlaces(opening.seed, opening.shuffledCount) : undefined;
  const placeOf = (number: number) => (places ? (places[number] ?? number) : null);
  const admissions = admissionsOf(numbers, placeOf);
  const checks = [
    tell('algorithm', [queue.algorithm], (name) =>
      name === shuffleAlgorithm ? undefined : `this program knows ${shuffleAlgorithm}, not ${name}`,
    ),
    tell('hash-kept', asked.seedHash === undefined ? [] : [asked.seedHash], (noted) =>
      noted === seedHash ? undefined : `the hash was noted as ${noted}; now it is ${seedHash}`,
    ),
    tell('seed', opening ? [opening.seed] : [], (seed) =>
      seedMatches(seed, seedHash) ? undefined : `the seed ${seed} does not have the hash ${seedHash}`,
    ),
    tell('numbers', numbers, ({ number, tokenId }, index) => {
      const before = numbers[index - 1]?.number ?? -1;
      return number > before ? undefined : `number ${number} (${tokenId}) follows number ${before}`;
    }),
    tell('places', opening ? numbers : [], ({ number, place, tokenId }) => {
      const own = placeOf(number);
      const isRight = place === null || place === own;
      return isRight ? undefined : `number ${number} (${tokenId}) stands at ${place}, its place is ${own}`;
    }),
    tell('ranges', queue.admissions ?? [], ({ from, to, admittedAt }, index) => {
      const before = queue.admissions?.[index - 1] ?? { to: 0, admittedAt };
      const isNext = from === before.to && to > from && before.admittedAt <= admittedAt;
      return isNext ? undefined : `places ${from} to ${to} were let in at ${admittedAt}, after ${before.to}`;
    }),
    tell('order', numbers, outOfOrder(queue, placeOf, admissions)),
  ];
  const own = numbers.find(({ tokenId }) => tokenId === asked.tokenId);
  return {
    performanceId: queue.performanceId,
    fair: checks.every(({ mismatches }) => mismatches === 0),
    opened: opening !== null,
    seedHash,
    seed: opening?.seed ?? null,
    shuffledCount: opening?.shuffledCount ?? 0,
    fans: numbers.length,
    admittedUpTo: queue.admittedAtMost,
    checks,
    admissions: { count: admissions.length, last: admissions.slice(-maxAdmissionsListed) },
    token: own ? { ...own, recomputedPlace: placeOf(own.number) } : null,
  };
}

/** Looks at each thing once; whatever `mismatch` says of it is one. */
function tell<Thing>(
  check: FairnessCheck,
  things: readonly Thing[],
  mismatch: (thing: Thing, index: number) => string | undefined,
): CheckResult {
  let mismatches = 0;
  const first: string[] = [];
  things.forEach((thing, index) => {
    const words = mismatch(thing, index);
    if (words === undefined) return;
    mismatches++;
    if (first.length < maxQuoted) first.push(words);
  });
  return { check, examined: things.length, mismatches, first };
}

type PlaceOf = (number: number) => number | null;

/** Why a number was served before or after its turn. */
function outOfOrder(queue: PublishedQueue, placeOf: PlaceOf, all: readonly FairAdmission[]) {
  const { admittedAtLeast, admittedAtMost, opening } = queue;
  const byTime = new Map(all.map((admission, index) => [admission.admittedAt, { ...admission, index }]));
  return ({ number, tokenId, state, admittedAt }: QueuedNumber): string | undefined => {
    const place = placeOf(number) ?? number;
    const fan = `number ${number} (${tokenId}) at place ${place}`;
    if (state === 'waiting') return opening && place < admittedAtLeast ? `${fan} was passed over` : undefined;
    if (state === 'left') return undefined;
    if (!opening || place >= admittedAtMost)
      return `${fan} was let in, only those before ${admittedAtMost} were`;
    const admission = admittedAt === null ? undefined : byTime.get(admittedAt);
    const later = admission && all[admission.index + 1];
    return later && later.from <= place
      ? `${fan} was let in at ${admittedAt}, before smaller places`
      : undefined;
  };
}

/** Who was let in together, by time. */
function admissionsOf(numbers: readonly QueuedNumber[], placeOf: PlaceOf): FairAdmission[] {
  const admissions = new Map<Instant, { from: number; to: number; fans: number }>();
  for (const { number, admittedAt } of numbers) {
    const place = placeOf(number);
    if (admittedAt === null || place === null) continue;
    const known = admissions.get(admittedAt);
    if (!known) admissions.set(admittedAt, { from: place, to: place + 1, fans: 1 });
    else {
      known.from = Math.min(known.from, place);
      known.to = Math.max(known.to, place + 1);
      known.fans++;
    }
  }
  return [...admissions]
    .map(([admittedAt, range]) => ({ admittedAt, ...range }))
    .sort((a, b) => (a.admittedAt < b.admittedAt ? -1 : 1));
}
