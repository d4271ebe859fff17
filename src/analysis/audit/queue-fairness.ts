import {
  type Draw,
  drawAlgorithmOf,
  drawAlgorithms,
  drawnPlaces,
  JoinedDigest,
  seedMatches,
} from '../../domain/shuffle.js';
import type { Instant, PerformanceId, TokenId } from '../../events/ids.js';
import { isSignatureOfRound } from '../../platform/drand.js';

/** What the office has published about a queue. */
export interface PublishedQueue {
  readonly performanceId: PerformanceId;
  readonly algorithm: string;
  readonly seedHash: string;
  /** Null until the queue opened. */
  readonly opening: Draw | null;
  /** The round of the beacon: as named, or as the draw uses it; null: none. */
  readonly round: number | null;
  /** Places below it were admitted when reading began, and when it ended: the queue goes on meanwhile. */
  readonly admittedAtLeast: number;
  readonly admittedAtMost: number;
  /** The recorded admissions, when the log itself is read. */
  readonly admissions?: readonly AdmittedPlaces[];
  /** In the order of their numbers. */
  readonly numbers: readonly QueuedNumber[];
}

/** An admitted range of places, `from` inclusive to `to` exclusive. */
export interface AdmittedPlaces {
  readonly from: number;
  readonly to: number;
  readonly admittedAt: Instant;
}

/** A queue number and what the office states about it. */
export interface QueuedNumber {
  readonly number: number;
  readonly tokenId: TokenId;
  /** As stated; null where nothing states it. */
  readonly place: number | null;
  /** `left`: the fan's turn ended before admission. */
  readonly state: 'waiting' | 'admitted' | 'left';
  readonly admittedAt: Instant | null;
}

export type FairnessCheck =
  | 'algorithm'
  | 'hash-kept'
  | 'round-kept'
  | 'seed'
  | 'joined'
  | 'beacon'
  | 'numbers'
  | 'places'
  | 'ranges'
  | 'order';

export interface CheckResult {
  readonly check: FairnessCheck;
  readonly examined: number;
  readonly mismatches: number;
  /** Descriptions of the first mismatches. */
  readonly first: readonly string[];
}

/** All fans admitted at one moment, by their places. */
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
  readonly tokensDigest: string | null;
  readonly round: number | null;
  readonly shuffledCount: number;
  readonly fans: number;
  readonly admittedUpTo: number;
  readonly checks: readonly CheckResult[];
  readonly admissions: { readonly count: number; readonly last: readonly FairAdmission[] };
  /** The number asked for, with its recomputed place; null when there is none. */
  readonly token: (QueuedNumber & { readonly recomputedPlace: number | null }) | null;
}

const maxQuoted = 10;
const maxAdmissionsListed = 20;

/**
 * Recomputes every place of a queue and checks that it was served in that order.
 * @param asked.tokenId the token whose place to report.
 * @param asked.seedHash the hash as noted before the opening.
 * @param asked.round the round of the beacon as noted before the opening.
 */
export function judgeQueue(
  queue: PublishedQueue,
  asked: {
    readonly tokenId?: string | undefined;
    readonly seedHash?: string | undefined;
    readonly round?: number | undefined;
  } = {},
): FairnessVerdict {
  const { opening, numbers, seedHash } = queue;
  const places = opening ? drawnPlaces(opening) : undefined;
  const placeOf = (number: number) => (places ? (places[number] ?? number) : null);
  const admissions = admissionsOf(numbers, placeOf);
  const checks = [
    check('algorithm', [queue.algorithm], (algorithm) =>
      algorithm === (opening ? drawAlgorithmOf(opening) : drawAlgorithms.mixed)
        ? undefined
        : `the queue is drawn by ${opening ? drawAlgorithmOf(opening) : drawAlgorithms.mixed}, not ${algorithm}`,
    ),
    check('hash-kept', asked.seedHash === undefined ? [] : [asked.seedHash], (noted) =>
      noted === seedHash ? undefined : `the hash was noted as ${noted}; now it is ${seedHash}`,
    ),
    check('round-kept', asked.round === undefined ? [] : [asked.round], (noted) =>
      noted === queue.round
        ? undefined
        : `round ${noted} was noted; the draw is decided by ${queue.round === null ? 'no round' : `round ${queue.round}`}`,
    ),
    check('seed', opening ? [opening.seed] : [], (seed) =>
      seedMatches(seed, seedHash) ? undefined : `the seed ${seed} does not have the hash ${seedHash}`,
    ),
    check(
      'joined',
      opening?.tokensDigest === undefined ? [] : [opening],
      ({ shuffledCount, tokensDigest }) => {
        const digest = digestOf(numbers, shuffledCount);
        return digest === tokensDigest
          ? undefined
          : `the digest of those who joined is ${digest}, not ${tokensDigest}`;
      },
    ),
    check('beacon', opening && queue.round !== null ? [opening] : [], ({ beacon }) =>
      beacon?.round === queue.round && isSignatureOfRound(beacon.round, beacon.signature)
        ? undefined
        : `the draw does not use the signature of round ${queue.round}`,
    ),
    check('numbers', numbers, ({ number, tokenId }, index) => {
      const before = numbers[index - 1]?.number ?? -1;
      return number > before ? undefined : `number ${number} (${tokenId}) follows number ${before}`;
    }),
    check('places', opening ? numbers : [], ({ number, place, tokenId }) => {
      const own = placeOf(number);
      const isRight = place === null || place === own;
      return isRight
        ? undefined
        : `number ${number} (${tokenId}) is stated at place ${place}, its place is ${own}`;
    }),
    check('ranges', queue.admissions ?? [], ({ from, to, admittedAt }, index) => {
      const before = queue.admissions?.[index - 1] ?? { to: 0, admittedAt };
      const isNext = from === before.to && to > from && before.admittedAt <= admittedAt;
      return isNext
        ? undefined
        : `places ${from} to ${to} were admitted at ${admittedAt}, after ${before.to}`;
    }),
    check('order', numbers, outOfOrder(queue, placeOf, admissions)),
  ];
  const own = numbers.find(({ tokenId }) => tokenId === asked.tokenId);
  return {
    performanceId: queue.performanceId,
    fair: checks.every(({ mismatches }) => mismatches === 0),
    opened: opening !== null,
    seedHash,
    seed: opening?.seed ?? null,
    tokensDigest: opening?.tokensDigest ?? null,
    round: queue.round,
    shuffledCount: opening?.shuffledCount ?? 0,
    fans: numbers.length,
    admittedUpTo: queue.admittedAtMost,
    checks,
    admissions: { count: admissions.length, last: admissions.slice(-maxAdmissionsListed) },
    token: own ? { ...own, recomputedPlace: placeOf(own.number) } : null,
  };
}

/** Examines each thing; `mismatch` describes what is wrong with one, undefined when nothing is. */
function check<Thing>(
  name: FairnessCheck,
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
  return { check: name, examined: things.length, mismatches, first };
}

function digestOf(numbers: readonly QueuedNumber[], count: number): string {
  const digest = new JoinedDigest();
  for (const { number, tokenId } of numbers) if (number < count) digest.add(number, tokenId);
  return digest.value;
}

type PlaceOf = (number: number) => number | null;

/** Describes why a number was admitted too early or too late. */
function outOfOrder(queue: PublishedQueue, placeOf: PlaceOf, all: readonly FairAdmission[]) {
  const { admittedAtLeast, admittedAtMost, opening } = queue;
  const byTime = new Map(all.map((admission, index) => [admission.admittedAt, { ...admission, index }]));
  return ({ number, tokenId, state, admittedAt }: QueuedNumber): string | undefined => {
    const place = placeOf(number) ?? number;
    const fan = `number ${number} (${tokenId}) at place ${place}`;
    if (state === 'waiting') return opening && place < admittedAtLeast ? `${fan} was passed over` : undefined;
    if (state === 'left') return undefined;
    if (!opening || place >= admittedAtMost)
      return `${fan} was admitted, but only places before ${admittedAtMost} were`;
    const admission = admittedAt === null ? undefined : byTime.get(admittedAt);
    const later = admission && all[admission.index + 1];
    return later && later.from <= place
      ? `${fan} was admitted at ${admittedAt}, before smaller places`
      : undefined;
  };
}

/** Admissions, by the time fans were admitted. */
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
