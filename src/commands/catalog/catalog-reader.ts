import { Inject, Injectable } from '@nestjs/common';
import {
  type PerformanceDetails,
  type PublishedSchedule,
  performanceDecider,
  publishedSchedule,
  scheduleDecider,
  type VenueState,
  venueDecider,
} from '../../domain/catalog.js';
import { refuse } from '../../domain/rejection.js';
import type { PerformanceId, ScheduleId, VenueId } from '../../events/ids.js';
import { streams } from '../../events/streams.js';
import { CommandSettings } from '../settings.js';
import { StreamRepository } from '../stream-repository.js';

/** Reads the catalog's streams; a cached state may be `catalogMaxAgeMs` old. */
@Injectable()
export class CatalogReader {
  constructor(
    private readonly repository: StreamRepository,
    @Inject(CommandSettings) private readonly settings: Pick<CommandSettings, 'catalogMaxAgeMs'>,
  ) {}

  /**
   * @param options.isFresh as the log says now, not as it said at most `catalogMaxAgeMs` ago.
   * @throws {Rejected} performance-unknown
   */
  async performance(
    performanceId: PerformanceId,
    options: { readonly isFresh?: boolean } = {},
  ): Promise<PerformanceDetails> {
    const { state } = await this.repository.load(
      performanceDecider,
      streams.performance(performanceId),
      options.isFresh ? {} : this.#staleness,
    );
    if (!state.details) throw refuse('performance-unknown', 'There is no such performance.');
    return state.details;
  }

  /**
   * @param options.isFresh as the log says now, not as it said at most `catalogMaxAgeMs` ago.
   * @throws {Rejected} schedule-unknown
   */
  async schedule(
    scheduleId: ScheduleId,
    options: { readonly isFresh?: boolean } = {},
  ): Promise<PublishedSchedule> {
    const { state } = await this.repository.load(
      scheduleDecider,
      streams.schedule(scheduleId),
      options.isFresh ? {} : this.#staleness,
    );
    const schedule = publishedSchedule(state);
    if (!schedule) throw refuse('schedule-unknown', 'There is no such schedule.');
    return schedule;
  }

  /**
   * The plan of a venue; empty when the venue is unknown.
   * @param options.isFresh as for {@link schedule}.
   */
  async venue(venueId: VenueId, options: { readonly isFresh?: boolean } = {}): Promise<VenueState> {
    const staleness = options.isFresh ? {} : this.#staleness;
    return (await this.repository.load(venueDecider, streams.venue(venueId), staleness)).state;
  }

  get #staleness() {
    return { maxAgeMs: this.settings.catalogMaxAgeMs };
  }
}
