import { Controller, Get, Inject, UseGuards } from '@nestjs/common';
import type { z } from 'zod';
import { HISTORIES, type Histories } from '../../analysis/history/port.js';
import { refuse } from '../../domain/rejection.js';
import { type PerformanceId, performanceIdSchema, type VenueId, venueIdSchema } from '../../events/ids.js';
import type { Language } from '../../queries/replies.js';
import { PreferredLanguage } from '../language.js';
import { knownThen, type MomentQuery, momentQuery } from '../moment.js';
import { notFound } from '../problem.js';
import { WaitForPosition } from '../read-position.js';
import { READS, type Reads } from '../reads.js';
import { ValidParam, ValidQuery } from '../validation.js';
import { performancesQuery, queueNumbersQuery, schedulesQuery } from './catalog-queries.js';

@Controller('v1')
@UseGuards(WaitForPosition)
export class PerformancesController {
  constructor(
    @Inject(READS) private readonly reads: Reads,
    @Inject(HISTORIES) private readonly histories: Histories,
  ) {}

  @Get('venues/:venueId')
  async venue(
    @ValidParam('venueId', venueIdSchema) venueId: VenueId,
    @PreferredLanguage() language: Language | null,
  ) {
    const venue = await this.reads.venue(venueId, language);
    if (!venue) throw notFound('venue');
    return venue;
  }

  @Get('performances')
  performances(
    @ValidQuery(performancesQuery) query: z.infer<typeof performancesQuery>,
    @PreferredLanguage() language: Language | null,
  ) {
    const { limit, cursor, ...search } = query;
    return this.reads.performances(search, { limit, cursor }, language);
  }

  @Get('performances/:performanceId')
  async performance(
    @ValidParam('performanceId', performanceIdSchema) performanceId: PerformanceId,
    @PreferredLanguage() language: Language | null,
  ) {
    const performance = await this.reads.performance(performanceId, language);
    if (!performance) throw performanceUnknown();
    return performance;
  }

  @Get('performances/:performanceId/schedules')
  async schedules(
    @ValidParam('performanceId', performanceIdSchema) performanceId: PerformanceId,
    @ValidQuery(schedulesQuery) query: z.infer<typeof schedulesQuery>,
  ) {
    const { limit, cursor, ...dates } = query;
    const schedules = await this.reads.schedules(performanceId, dates, { limit, cursor });
    if (!schedules) throw performanceUnknown();
    return schedules;
  }

  @Get('performances/:performanceId/queue')
  async queue(
    @ValidParam('performanceId', performanceIdSchema) performanceId: PerformanceId,
    @ValidQuery(momentQuery) { at }: MomentQuery,
  ) {
    if (at !== undefined) {
      const then = await this.histories.queue(performanceId, at);
      return knownThen(then, 'performance-unknown', 'such performance');
    }
    const queue = await this.reads.queue(performanceId);
    if (!queue) throw performanceUnknown();
    return queue;
  }

  @Get('performances/:performanceId/queue/fairness')
  async fairness(@ValidParam('performanceId', performanceIdSchema) performanceId: PerformanceId) {
    const fairness = await this.reads.queueFairness(performanceId);
    if (!fairness) throw performanceUnknown();
    return fairness;
  }

  @Get('performances/:performanceId/queue/numbers')
  async numbers(
    @ValidParam('performanceId', performanceIdSchema) performanceId: PerformanceId,
    @ValidQuery(queueNumbersQuery) page: z.infer<typeof queueNumbersQuery>,
  ) {
    const numbers = await this.reads.queueNumbers(performanceId, page);
    if (!numbers) throw performanceUnknown();
    return numbers;
  }
}

function performanceUnknown() {
  return refuse('performance-unknown', 'There is no such performance.');
}
