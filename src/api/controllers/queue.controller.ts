import { Controller, Delete, Get, HttpCode, Inject, Post, Req, Res, UseGuards } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { HISTORIES, type Histories } from '../../analysis/history/port.js';
import { EnterService, LeaveQueue } from '../../commands/queue/enter-and-leave.js';
import { IssueToken, issueTokenSchema, RefreshToken } from '../../commands/queue/issue-token.js';

import type { QueuePass } from '../../commands/queue/queue-admission.js';

import { type PerformanceId, performanceIdSchema, type UserId } from '../../events/ids.js';
import { contextOf } from '../command-context.js';
import { withPosition } from '../command-reply.js';
import { CurrentPass, QueueTokenGuard } from '../guards/queue-token-guard.js';
import { FanRateGuard } from '../guards/rate-guards.js';
import { CurrentUser, UserGuard } from '../guards/user-guard.js';
import { knownThen, type MomentQuery, momentQuery } from '../moment.js';
import { QueueStatus } from '../queue-status.js';
import { WaitForPosition } from '../read-position.js';
import { ValidBody, ValidParam, ValidQuery } from '../validation.js';

@Controller('v1/performances/:performanceId/queue-token')
export class QueueController {
  constructor(
    private readonly commands: CommandBus,
    private readonly status: QueueStatus,
    @Inject(HISTORIES) private readonly histories: Histories,
  ) {}

  @Post()
  @UseGuards(UserGuard, FanRateGuard)
  async join(
    @CurrentUser() userId: UserId,
    @ValidParam('performanceId', performanceIdSchema) performanceId: PerformanceId,
    @ValidBody(issueTokenSchema) { numberOfTickets }: z.infer<typeof issueTokenSchema>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const command = new IssueToken(userId, performanceId, numberOfTickets, contextOf(request));
    const issued = await this.commands.execute(command);
    reply.code(issued.isNew ? 201 : 200);
    const { value, expiresAt } = issued.queueToken;
    const status = await this.status.ofIssued(issued, userId, numberOfTickets);
    return withPosition(
      reply,
      { queueToken: value, queueTokenExpiresAt: expiresAt, ...status },
      issued.position,
    );
  }

  @Get()
  @UseGuards(UserGuard, QueueTokenGuard, WaitForPosition)
  async position(@CurrentPass() pass: QueuePass, @ValidQuery(momentQuery) { at }: MomentQuery) {
    if (at !== undefined) {
      return knownThen(
        await this.histories.queueToken(pass, at),
        'token-unknown',
        'such place in this queue',
      );
    }
    return this.status.of(pass);
  }

  @Post('enter')
  @HttpCode(200)
  @UseGuards(UserGuard, QueueTokenGuard, FanRateGuard)
  async enter(
    @CurrentPass() pass: QueuePass,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { expiresAt, position } = await this.commands.execute(new EnterService(pass, contextOf(request)));
    const status = await this.status.after(pass, position);
    return withPosition(reply, { ...status, status: 'entered', expiresAt }, position);
  }

  @Post('refresh')
  @HttpCode(200)
  @UseGuards(UserGuard, QueueTokenGuard, FanRateGuard)
  async refresh(@CurrentPass() pass: QueuePass) {
    const { value, expiresAt } = await this.commands.execute(new RefreshToken(pass));
    const status = await this.status.of(pass);
    return { queueToken: value, queueTokenExpiresAt: expiresAt, ...status };
  }

  @Delete()
  @UseGuards(UserGuard, QueueTokenGuard, FanRateGuard)
  async leave(
    @CurrentPass() pass: QueuePass,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { position } = await this.commands.execute(new LeaveQueue(pass, contextOf(request)));
    return withPosition(reply, {}, position);
  }
}
