import { Controller, Get, Inject, Post, Req, Res, UseGuards } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { HISTORIES, type Histories } from '../../analysis/history/port.js';
import { ChargePoints, chargePointsSchema } from '../../commands/wallet/charge-points.js';
import { refuse } from '../../domain/rejection.js';
import { type ChargeId, chargeIdSchema, type UserId } from '../../events/ids.js';
import type { PageRequest } from '../../queries/replies.js';
import { FanRateGuard } from '../guards/rate-guards.js';
import { CurrentUser, UserGuard } from '../guards/user-guard.js';
import { Idempotency } from '../idempotency.js';
import { knownThen, type MomentQuery, momentQuery } from '../moment.js';
import { pageQuery } from '../paging.js';
import { WaitForPosition } from '../read-position.js';
import { READS, type Reads } from '../reads.js';
import { ValidBody, ValidParam, ValidQuery } from '../validation.js';

@Controller('v1/wallet')
export class WalletController {
  constructor(
    private readonly commands: CommandBus,
    private readonly idempotency: Idempotency,
    @Inject(READS) private readonly reads: Reads,
    @Inject(HISTORIES) private readonly histories: Histories,
  ) {}

  @Get()
  @UseGuards(UserGuard, WaitForPosition)
  async wallet(@CurrentUser() userId: UserId, @ValidQuery(momentQuery) { at }: MomentQuery) {
    if (at !== undefined) {
      return knownThen(await this.histories.wallet(userId, at), 'user-unknown', 'such user');
    }
    const wallet = await this.reads.wallet(userId);
    if (!wallet) throw refuse('user-unknown', 'There is no such user (any more).');
    return wallet;
  }

  @Get('history')
  @UseGuards(UserGuard, WaitForPosition)
  history(@CurrentUser() userId: UserId, @ValidQuery(pageQuery) page: PageRequest) {
    return this.reads.walletHistory(userId, page);
  }

  @Post('charges')
  @UseGuards(UserGuard, FanRateGuard)
  charge(
    @CurrentUser() userId: UserId,
    @ValidBody(chargePointsSchema) body: z.infer<typeof chargePointsSchema>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.idempotency.run('charge', { request, reply, body }, async (context) => {
      const charge = await this.commands.execute(new ChargePoints(userId, body, context));
      // A pending charge goes on by itself; a retry with the same key tells how far it got.
      const isFinal = charge.status === 'credited';
      const answer = { ...charge, position: charge.position ?? null };
      return { status: isFinal ? 201 : 202, isFinal, body: answer };
    });
  }

  @Get('charges/:chargeId')
  @UseGuards(UserGuard, WaitForPosition)
  async chargeById(
    @CurrentUser() userId: UserId,
    @ValidParam('chargeId', chargeIdSchema) chargeId: ChargeId,
  ) {
    const charge = await this.reads.charge(userId, chargeId);
    if (!charge) throw refuse('charge-unknown', 'You have no such charge.');
    return charge;
  }
}
