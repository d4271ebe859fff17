import { createHmac } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { type AdmissionState, admissionDecider, admissionOf } from '../../domain/admission.js';
import { drawnPlaces, drawnSeed, seedMatches } from '../../domain/shuffle.js';
import { type Admission, termsOf } from '../../domain/token.js';
import { type PerformanceId, type TokenId, toInstant, type UserId } from '../../events/ids.js';
import { streams } from '../../events/streams.js';
import { type RotatingSecret, valuesOf } from '../../platform/rotating-secret.js';
import { CatalogReader } from '../catalog/catalog-reader.js';
import { StreamRepository } from '../stream-repository.js';

/** The content of a verified queue token: whose it is, for which performance, with which number. */
export interface QueueToken {
  readonly tokenId: TokenId;
  readonly userId: UserId;
  readonly performanceId: PerformanceId;
  readonly number: number;
}

/** Shuffles kept: one per performance that opened with people waiting. */
const maxShuffles = 100;

/** Tells from the admission stream and a fan's number whether the fan is admitted. */
@Injectable()
export class QueueAdmission {
  readonly #shuffles = new LRUCache<string, Uint32Array>({ max: maxShuffles });

  constructor(
    private readonly repository: StreamRepository,
    private readonly catalog: CatalogReader,
  ) {}

  /** Places below this one were admitted. */
  async admittedUpTo(performanceId: PerformanceId): Promise<number> {
    return (await this.#admissions(performanceId)).admittedUpTo;
  }

  /** The admission under which the number may enter; undefined while it waits. */
  async admissionOf(performanceId: PerformanceId, number: number): Promise<Admission | undefined> {
    const state = await this.#admissions(performanceId);
    const place = this.#placeOf(state, number);
    if (place === undefined || place >= state.admittedUpTo) return undefined;
    // Admitted so long ago that the admission is no longer kept: its time to enter is over.
    const range = admissionOf(state, place) ?? longAgo;
    const { sales } = await this.catalog.performance(performanceId);
    return {
      place,
      admittedAt: range.admittedAt,
      claimUntil: range.expiresAt,
      serviceWindowMs: sales.serviceWindowMs,
      terms: termsOf(sales),
    };
  }

  /** The place of a number: shuffled for those who joined before the opening, the number itself for later ones. */
  #placeOf({ opening }: AdmissionState, number: number): number | undefined {
    if (!opening) return undefined;
    if (number >= opening.shuffledCount) return number;
    const seed = drawnSeed(opening);
    let places = this.#shuffles.get(seed);
    if (!places) {
      places = drawnPlaces(opening);
      this.#shuffles.set(seed, places);
    }
    return places[number];
  }

  async #admissions(performanceId: PerformanceId): Promise<AdmissionState> {
    return (await this.repository.load(admissionDecider, streams.admission(performanceId))).state;
  }
}

const longAgo = { admittedAt: toInstant(0), expiresAt: toInstant(0) };

/**
 * The seed that shuffles a performance's early fans. It derives from the queue secret, so every process can compute
 * it, it stays secret until it is revealed, and nothing has to be stored.
 * @param seedHash the hash published for the performance, if one was: a secret that was replaced since still gives
 * the seed of this hash. When neither of its values does, the seed is the current value's.
 */
export function queueSeed(
  secret: RotatingSecret,
  performanceId: PerformanceId,
  seedHash: string | undefined,
): string {
  const seeds = valuesOf(secret).map((value) =>
    createHmac('sha256', value).update(`queue seed ${performanceId}`).digest('hex'),
  );
  const [current = ''] = seeds;
  return seeds.find((seed) => seedHash !== undefined && seedMatches(seed, seedHash)) ?? current;
}
