import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { type AdmissionState, admissionDecider, admissionOf } from '../domain/queue/admission.js';
import { shuffledPlaces } from '../domain/queue/shuffle.js';
import { type Admission } from '../domain/token/token-state.js';
import { type PerformanceId, toInstant } from '../events/ids.js';
import { streams } from '../events/streams.js';
import { CatalogReader } from './catalog-reader.js';
import { Executor } from './execute.js';

/** Shuffles kept: one per performance that opened with people waiting. */
const maxShuffles = 100;

/** Answers whose turn it is from the admission stream and the fan's number alone. */
@Injectable()
export class QueueTurn {
  readonly #shuffles = new LRUCache<string, Uint32Array>({ max: maxShuffles });

  constructor(
    private readonly executor: Executor,
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
    };
  }

  /** Places of the numbers that joined before the opening; numbers beyond stand at their own number. */
  #placeOf({ opening }: AdmissionState, number: number): number | undefined {
    if (!opening) return undefined;
    const { seed, shuffledCount } = opening;
    if (number >= shuffledCount) return number;
    let places = this.#shuffles.get(seed);
    if (!places) {
      places = shuffledPlaces(seed, shuffledCount);
      this.#shuffles.set(seed, places);
    }
    return places[number];
  }

  async #admissions(performanceId: PerformanceId): Promise<AdmissionState> {
    return (await this.executor.load(admissionDecider, streams.admission(performanceId))).state;
  }
}

const longAgo = { admittedAt: toInstant(0), expiresAt: toInstant(0) };
