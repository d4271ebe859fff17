import { Controller, Get, Inject, UseGuards } from '@nestjs/common';
import type { z } from 'zod';
import { HISTORIES, type Histories } from '../../analysis/history/port.js';
import { refuse } from '../../domain/rejection.js';
import { type ScheduleId, scheduleIdSchema } from '../../events/ids.js';
import { knownThen } from '../moment.js';
import { WaitForPosition } from '../read-position.js';
import { READS, type Reads } from '../reads.js';
import { ValidParam, ValidQuery } from '../validation.js';
import { seatMapQuery } from './catalog-queries.js';

@Controller('v1/schedules/:scheduleId')
@UseGuards(WaitForPosition)
export class SchedulesController {
  constructor(
    @Inject(READS) private readonly reads: Reads,
    @Inject(HISTORIES) private readonly histories: Histories,
  ) {}

  @Get()
  async schedule(@ValidParam('scheduleId', scheduleIdSchema) scheduleId: ScheduleId) {
    return (await this.reads.schedule(scheduleId)) ?? scheduleUnknown();
  }

  @Get('availability')
  async availability(@ValidParam('scheduleId', scheduleIdSchema) scheduleId: ScheduleId) {
    return (await this.reads.availability(scheduleId)) ?? scheduleUnknown();
  }

  @Get('seats')
  async seats(
    @ValidParam('scheduleId', scheduleIdSchema) scheduleId: ScheduleId,
    @ValidQuery(seatMapQuery) { at, ...filter }: z.infer<typeof seatMapQuery>,
  ) {
    if (at !== undefined) {
      const then = await this.histories.seatMap(scheduleId, at, filter);
      return knownThen(then, 'schedule-unknown', 'such schedule');
    }
    return (await this.reads.seatMap(scheduleId, filter)) ?? scheduleUnknown();
  }
}

function scheduleUnknown(): never {
  throw refuse('schedule-unknown', 'There is no such schedule.');
}
