import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { refuse } from '../../domain/rejection.js';
import {
  type PerformanceId,
  performanceIdSchema,
  type ScheduleId,
  scheduleIdSchema,
} from '../../events/ids.js';
import { TokenSigner } from '../../platform/token-signer.js';
import { QUERIES, type Queries } from '../../queries/queries.js';
import { readQueueToken } from '../guards.js';
import { EventStreams } from '../live/event-streams.js';
import { QueuePositions } from '../live/queue-positions.js';
import { SeatChanges } from '../live/seat-changes.js';
import { logPosition } from '../query-parameters.js';
import { check, ValidParam, ValidQuery } from '../validation.js';

/** Browsers can't send headers with an event stream, so what they would carry is accepted here too. */
const seatEventsQuery = z.strictObject({ after: logPosition.optional() });
const placeEventsQuery = z.strictObject({ queueToken: z.string().min(1).max(4096).optional() });

@Controller('v1')
export class LiveController {
  constructor(
    private readonly streams: EventStreams,
    private readonly seats: SeatChanges,
    private readonly places: QueuePositions,
    private readonly signer: TokenSigner,
    @Inject(QUERIES) private readonly queries: Queries,
  ) {}

  @Get('schedules/:scheduleId/seats/events')
  @RouteConfig({ load: 'stream' })
  async watchSeats(
    @ValidParam('scheduleId', scheduleIdSchema) scheduleId: ScheduleId,
    @ValidQuery(seatEventsQuery) query: z.infer<typeof seatEventsQuery>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const lastId = request.headers['last-event-id'];
    const after = lastId === undefined ? query.after : check(logPosition, lastId, 'Last-Event-ID');
    if (!(await this.queries.schedule(scheduleId))) {
      throw refuse('schedule-unknown', 'There is no such schedule.');
    }
    const stream = this.streams.open(request, reply);
    stream.onClose(this.seats.subscribe(scheduleId, after, (message) => stream.send(message)));
  }

  /** The queue token alone suffices: it is one fan's, and it only shows that fan's place. */
  @Get('performances/:performanceId/queue-token/events')
  @RouteConfig({ load: 'stream' })
  async watchPlace(
    @ValidParam('performanceId', performanceIdSchema) performanceId: PerformanceId,
    @ValidQuery(placeEventsQuery) query: z.infer<typeof placeEventsQuery>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const token = query.queueToken ?? request.headers['x-queue-token'];
    const queueToken = readQueueToken(this.signer, token, performanceId);
    const stream = this.streams.open(request, reply);
    stream.onClose(await this.places.subscribe(queueToken, (message) => stream.send(message)));
  }
}
