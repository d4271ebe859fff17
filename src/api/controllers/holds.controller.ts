import { Controller, Delete, Get, Inject, Post, Req, Res, UseGuards } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { QueueToken } from '../../commands/queue/queue-admission.js';
import { ReleaseHold } from '../../commands/seats/end-hold.js';
import {
  type HeldSeats,
  HoldSeats,
  type HoldSeatsInput,
  holdSeatsSchema,
} from '../../commands/seats/hold-seats.js';
import {
  type HoldId,
  holdIdSchema,
  type ScheduleId,
  scheduleIdSchema,
  type UserId,
} from '../../events/ids.js';
import { featuresOf } from '../../events/seat-features.js';
import { QUERIES, type Queries } from '../../queries/queries.js';
import { seatNamesReply } from '../../queries/replies/booking.js';
import { CurrentQueueToken, CurrentUser, FanRateGuard, QueueTokenGuard, UserGuard } from '../guards.js';
import { Idempotency, type Positioned, withPosition } from '../idempotency.js';
import { WaitForPosition } from '../read-position.js';
import type { NewHoldReply } from '../replies.js';
import { contextOf } from '../request.js';
import { ValidBody, ValidParam } from '../validation.js';

@Controller('v1')
export class HoldsController {
  constructor(
    private readonly commands: CommandBus,
    private readonly idempotency: Idempotency,
    @Inject(QUERIES) private readonly queries: Queries,
  ) {}

  @Post('schedules/:scheduleId/holds')
  @RouteConfig({ load: 'buying' })
  @UseGuards(UserGuard, QueueTokenGuard, FanRateGuard)
  holdSeats(
    @CurrentQueueToken() queueToken: QueueToken,
    @ValidParam('scheduleId', scheduleIdSchema) scheduleId: ScheduleId,
    @ValidBody(holdSeatsSchema) body: HoldSeatsInput,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.idempotency.run('hold', { request, reply, body }, async (context) => {
      const held = await this.commands.execute(new HoldSeats(queueToken, scheduleId, body, context));
      return { status: 201, isFinal: true, body: holdReply(held) };
    });
  }

  @Get('holds')
  @RouteConfig({ load: 'buying' })
  @UseGuards(UserGuard, WaitForPosition)
  async listHolds(@CurrentUser() userId: UserId) {
    return { items: await this.queries.holds(userId) };
  }

  @Delete('holds/:holdId')
  @RouteConfig({ load: 'buying' })
  @UseGuards(UserGuard, QueueTokenGuard, FanRateGuard)
  async releaseHold(
    @CurrentQueueToken() queueToken: QueueToken,
    @ValidParam('holdId', holdIdSchema) holdId: HoldId,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { position } = await this.commands.execute(new ReleaseHold(queueToken, holdId, contextOf(request)));
    return withPosition(reply, {}, position);
  }
}

function holdReply({ seats, position, ...hold }: HeldSeats): Positioned<NewHoldReply> {
  return {
    ...hold,
    seats: seats.map((seat) => {
      const { seatId, sectionName, row, number, category, price } = seat;
      return {
        seatId,
        ...seatNamesReply({ sectionName, row, number }),
        category,
        price,
        ...featuresOf(seat),
      };
    }),
    position: position ?? null,
  };
}
