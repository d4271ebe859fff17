import { Controller, Get, Inject, UseGuards } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { z } from 'zod';
import { HISTORIES, type Histories } from '../../analysis/history/port.js';
import { QueueBoards } from '../../boards/queue-boards.js';
import { SeatBoards } from '../../boards/seat-boards.js';
import { refuse } from '../../domain/rejection.js';
import type { Position } from '../../event-store/port.js';
import {
  type PerformanceId,
  performanceIdSchema,
  type ScheduleId,
  scheduleIdSchema,
  type VenueId,
  venueIdSchema,
} from '../../events/ids.js';
import { seatFeature } from '../../events/seat-features.js';
import { Clock } from '../../platform/clock.js';
import { QUERIES, type Queries } from '../../queries/queries.js';
import { seatStatus } from '../../queries/replies/catalog.js';
import type { Language } from '../../queries/replies/reply.js';
import type { SeatBoard } from '../../queries/seat-board.js';
import { ApiProblem, notFound } from '../problems/problem.js';
import {
  knownThen,
  type MomentQuery,
  momentField,
  momentQuery,
  pageFields,
  wholeNumber,
} from '../query-parameters.js';
import { WaitForPosition, WantedPosition } from '../read-position.js';
import { PreferredLanguage } from '../request.js';
import { ValidParam, ValidQuery } from '../validation.js';

const date = z.iso.date();
/** `from` and `to` are calendar dates in the venue's local time; a performance or schedule matches when it overlaps them. */
const dates = { from: date.optional(), to: date.optional() };

const performancesQuery = z.strictObject({
  search: z.string().trim().min(1).max(100).optional(),
  ...dates,
  ...pageFields,
});
const schedulesQuery = z.strictObject({ ...dates, ...pageFields });

/** Token ids are small: a long queue is read in large pages. */
const queueNumbersQuery = z.strictObject({
  ...pageFields,
  limit: wholeNumber(1, 1000).default(1000),
});

const seatMapQuery = z.strictObject({
  section: z.string().min(1).max(64).optional(),
  status: seatStatus.optional(),
  feature: seatFeature.optional(),
  ...momentField,
});

const planRevision = z.string().regex(/^[\w-]{16}$/);

@Controller('v1')
@UseGuards(WaitForPosition)
export class PerformancesController {
  constructor(
    @Inject(QUERIES) private readonly queries: Queries,
    @Inject(HISTORIES) private readonly histories: Histories,
    private readonly queues: QueueBoards,
  ) {}

  @Get('venues/:venueId')
  @RouteConfig({ shared: 'live' })
  async getVenue(
    @ValidParam('venueId', venueIdSchema) venueId: VenueId,
    @PreferredLanguage() language: Language | null,
  ) {
    const venue = await this.queries.venue(venueId, language);
    if (!venue) throw notFound({ en: 'venue', ko: '공연장' });
    return venue;
  }

  @Get('performances')
  @RouteConfig({ shared: 'live' })
  listPerformances(
    @ValidQuery(performancesQuery) query: z.infer<typeof performancesQuery>,
    @PreferredLanguage() language: Language | null,
  ) {
    const { limit, cursor, ...search } = query;
    return this.queries.performances(search, { limit, cursor }, language);
  }

  @Get('performances/:performanceId')
  @RouteConfig({ shared: 'live' })
  async getPerformance(
    @ValidParam('performanceId', performanceIdSchema) performanceId: PerformanceId,
    @PreferredLanguage() language: Language | null,
  ) {
    const performance = await this.queries.performance(performanceId, language);
    if (!performance) throw performanceUnknown();
    return performance;
  }

  @Get('performances/:performanceId/schedules')
  @RouteConfig({ shared: 'live' })
  async listSchedules(
    @ValidParam('performanceId', performanceIdSchema) performanceId: PerformanceId,
    @ValidQuery(schedulesQuery) query: z.infer<typeof schedulesQuery>,
  ) {
    const { limit, cursor, ...dates } = query;
    const schedules = await this.queries.schedules(performanceId, dates, { limit, cursor });
    if (!schedules) throw performanceUnknown();
    return schedules;
  }

  @Get('performances/:performanceId/queue')
  @RouteConfig({ shared: 'live' })
  async getQueue(
    @ValidParam('performanceId', performanceIdSchema) performanceId: PerformanceId,
    @ValidQuery(momentQuery) { at }: MomentQuery,
    @WantedPosition() wanted: Position | undefined,
  ) {
    if (at !== undefined) {
      const then = await this.histories.queue(performanceId, at);
      return knownThen(then, 'performance-unknown', 'such performance');
    }
    const queue = await this.queues.queue(performanceId, wanted);
    if (!queue) throw performanceUnknown();
    return queue;
  }

  @Get('performances/:performanceId/queue/fairness')
  @RouteConfig({ shared: 'live' })
  async getQueueFairness(@ValidParam('performanceId', performanceIdSchema) performanceId: PerformanceId) {
    const fairness = await this.queries.queueFairness(performanceId);
    if (!fairness) throw performanceUnknown();
    return fairness;
  }

  @Get('performances/:performanceId/queue/numbers')
  @RouteConfig({ shared: 'live' })
  async listQueueNumbers(
    @ValidParam('performanceId', performanceIdSchema) performanceId: PerformanceId,
    @ValidQuery(queueNumbersQuery) page: z.infer<typeof queueNumbersQuery>,
  ) {
    const numbers = await this.queries.queueNumbers(performanceId, page);
    if (!numbers) throw performanceUnknown();
    return numbers;
  }
}

function performanceUnknown() {
  return refuse('performance-unknown', 'There is no such performance.');
}

@Controller('v1/schedules/:scheduleId')
@UseGuards(WaitForPosition)
export class SchedulesController {
  constructor(
    @Inject(QUERIES) private readonly queries: Queries,
    @Inject(HISTORIES) private readonly histories: Histories,
    private readonly boards: SeatBoards,
    private readonly clock: Clock,
  ) {}

  @Get()
  @RouteConfig({ shared: 'live' })
  async getSchedule(@ValidParam('scheduleId', scheduleIdSchema) scheduleId: ScheduleId) {
    return (await this.queries.schedule(scheduleId)) ?? scheduleUnknown();
  }

  @Get('availability')
  @RouteConfig({ shared: 'live' })
  async getAvailability(
    @ValidParam('scheduleId', scheduleIdSchema) scheduleId: ScheduleId,
    @WantedPosition() wanted: Position | undefined,
  ) {
    return (await this.#board(scheduleId, wanted)).availability(this.clock.nowMs());
  }

  @Get('seats')
  @RouteConfig({ shared: 'live' })
  async getSeatMap(
    @ValidParam('scheduleId', scheduleIdSchema) scheduleId: ScheduleId,
    @ValidQuery(seatMapQuery) { at, ...filter }: z.infer<typeof seatMapQuery>,
    @WantedPosition() wanted: Position | undefined,
  ) {
    if (at !== undefined) {
      const then = await this.histories.seatMap(scheduleId, at, filter);
      return knownThen(then, 'schedule-unknown', 'such schedule');
    }
    return (await this.#board(scheduleId, wanted)).seatMap(filter, this.clock.nowMs());
  }

  @Get('seats/status')
  @RouteConfig({ shared: 'live' })
  async getSeatStatuses(
    @ValidParam('scheduleId', scheduleIdSchema) scheduleId: ScheduleId,
    @WantedPosition() wanted: Position | undefined,
  ) {
    return (await this.#board(scheduleId, wanted)).statuses(this.clock.nowMs());
  }

  @Get('plans/:revision')
  @RouteConfig({ shared: 'immutable' })
  async getSeatPlan(
    @ValidParam('scheduleId', scheduleIdSchema) scheduleId: ScheduleId,
    @ValidParam('revision', planRevision) revision: string,
  ) {
    const board = await this.#board(scheduleId, undefined);
    if (board.planRevision !== revision) throw planChanged();
    return board.plan();
  }

  async #board(scheduleId: ScheduleId, wanted: Position | undefined): Promise<SeatBoard> {
    return (await this.boards.of(scheduleId, wanted)) ?? scheduleUnknown();
  }
}

function scheduleUnknown(): never {
  throw refuse('schedule-unknown', 'There is no such schedule.');
}

function planChanged(): ApiProblem {
  return new ApiProblem('plan-changed', {
    en: 'The plan or its prices were published anew: load the seat status, which names the present plan.',
    ko: '좌석 배치도나 가격이 새로 게시되었습니다. 현재 배치도를 알려 주는 좌석 상태를 다시 조회해 주세요.',
  });
}
