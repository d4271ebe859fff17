import { Body, Controller, Get, HttpCode, Inject, Logger, Post, Req, Res, UseGuards } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { HISTORIES, type Histories } from '../../analysis/history/port.js';
import { AdvanceCharge, ChargePoints, chargePointsSchema } from '../../commands/wallet/charge-points.js';
import { SettleCharge, settleChargeSchema } from '../../commands/wallet/settle-charge.js';
import { Rejected, refuse } from '../../domain/rejection.js';
import { type ChargeId, chargeIdSchema, type UserId } from '../../events/ids.js';
import { maxCallbackBytes, verifyCallback } from '../../integrations/payment/wire.js';
import { Clock } from '../../platform/clock.js';
import { QUERIES, type Queries } from '../../queries/queries.js';
import { chargeStatuses } from '../../queries/replies/account.js';
import type { PageRequest } from '../../queries/replies/reply.js';
import { API_SETTINGS, type ApiSettings } from '../api-settings.js';
import { CurrentUser, FanRateGuard, UserGuard } from '../guards.js';
import { Idempotency, withPosition } from '../idempotency.js';
import { ApiProblem } from '../problems/problem.js';
import { knownThen, type MomentQuery, momentQuery, pageFields, pageQuery } from '../query-parameters.js';
import { WaitForPosition } from '../read-position.js';
import { contextOf } from '../request.js';
import { ValidBody, ValidParam, ValidQuery } from '../validation.js';

@Controller('v1/wallet')
export class WalletController {
  constructor(
    private readonly commands: CommandBus,
    private readonly idempotency: Idempotency,
    @Inject(QUERIES) private readonly queries: Queries,
    @Inject(HISTORIES) private readonly histories: Histories,
  ) {}

  @Get()
  @UseGuards(UserGuard, WaitForPosition)
  async getWallet(@CurrentUser() userId: UserId, @ValidQuery(momentQuery) { at }: MomentQuery) {
    if (at !== undefined) {
      return knownThen(await this.histories.wallet(userId, at), 'user-unknown', 'such user');
    }
    const wallet = await this.queries.wallet(userId);
    if (!wallet) throw refuse('user-unknown', 'There is no such user (any more).');
    return wallet;
  }

  @Get('history')
  @UseGuards(UserGuard, WaitForPosition)
  listWalletHistory(@CurrentUser() userId: UserId, @ValidQuery(pageQuery) page: PageRequest) {
    return this.queries.walletHistory(userId, page);
  }

  @Post('charges')
  @RouteConfig({ load: 'buying' })
  @UseGuards(UserGuard, FanRateGuard)
  chargePoints(
    @CurrentUser() userId: UserId,
    @ValidBody(chargePointsSchema) body: z.infer<typeof chargePointsSchema>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.idempotency.run('charge', { request, reply, body }, async (context) => {
      const charge = await this.commands.execute(new ChargePoints(userId, body, context));
      // A pending charge continues without the client; a retry with the same key returns its state.
      const isFinal = charge.status === 'credited';
      const { chargeId, amount, status, position } = charge;
      const more =
        charge.status === 'credited'
          ? { balance: charge.balance }
          : charge.status === 'pending'
            ? { cause: charge.cause }
            : {};
      const answer = { chargeId, amount, status, ...more, position: position ?? null };
      return { status: isFinal ? 201 : 202, isFinal, body: answer };
    });
  }

  @Get('charges/:chargeId')
  @RouteConfig({ load: 'buying' })
  @UseGuards(UserGuard, WaitForPosition)
  async getCharge(@CurrentUser() userId: UserId, @ValidParam('chargeId', chargeIdSchema) chargeId: ChargeId) {
    const charge = await this.queries.charge(userId, chargeId);
    if (!charge) throw refuse('charge-unknown', 'You have no such charge.');
    return charge;
  }
}

const chargesQuery = z.strictObject({
  ...pageFields,
  status: z.enum(chargeStatuses).default('needs-attention'),
});

/** Operators' endpoints for charges that cannot be cleared up by themselves. */
@Controller('v1')
export class ChargesController {
  constructor(
    private readonly commands: CommandBus,
    @Inject(QUERIES) private readonly queries: Queries,
  ) {}

  @Get('ops/charges')
  @RouteConfig({ operatorsOnly: ['box-office', 'auditor'] })
  @UseGuards(WaitForPosition)
  listCharges(@ValidQuery(chargesQuery) { status, ...page }: z.infer<typeof chargesQuery>) {
    return this.queries.chargesByStatus(status, page);
  }

  @Post('admin/charges/:chargeId/settle')
  @HttpCode(200)
  @RouteConfig({ operatorsOnly: ['box-office'] })
  async settleCharge(
    @ValidParam('chargeId', chargeIdSchema) chargeId: ChargeId,
    @ValidBody(settleChargeSchema) input: z.infer<typeof settleChargeSchema>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { status, position } = await this.commands.execute(
      new SettleCharge(chargeId, input, contextOf(request)),
    );
    return withPosition(reply, { chargeId, status }, position);
  }
}

@Controller('v1/payment-callbacks')
export class PaymentCallbacksController {
  readonly #logger = new Logger('PaymentCallbacks');

  constructor(
    private readonly commands: CommandBus,
    @Inject(API_SETTINGS) private readonly settings: Pick<ApiSettings, 'callbackSecret'>,
    private readonly clock: Clock,
  ) {}

  /** A callback is only a hint: its content is ignored, and the payment system is asked for the outcome. */
  @Post()
  @HttpCode(204)
  @RouteConfig({ load: 'essential', isAnonymous: true, body: 'text', bodyLimitBytes: maxCallbackBytes })
  async receivePaymentCallback(@Body() rawBody: unknown, @Req() request: FastifyRequest): Promise<void> {
    const { callbackSecret } = this.settings;
    const body = typeof rawBody === 'string' ? rawBody : '';
    const verdict =
      callbackSecret === undefined
        ? ({ valid: false, reason: 'no-signature' } as const)
        : verifyCallback(callbackSecret, request.headers, body, this.clock.nowMs());
    if (!verdict.valid) {
      this.#logger.warn(`refused a payment callback (${verdict.reason}), request ${request.id}`);
      throw new ApiProblem('forbidden', {
        en: 'The callback is not signed by the payment system.',
        ko: '결제 시스템의 서명이 없거나 올바르지 않은 콜백입니다.',
      });
    }
    const chargeId = verdict.callback.idempotencyKey;
    try {
      await this.commands.execute(new AdvanceCharge(chargeId, contextOf(request)));
    } catch (error) {
      if (!(error instanceof Rejected) || error.rejection.code !== 'charge-unknown') throw error;
      this.#logger.warn(`a payment callback names the unknown charge ${chargeId}`);
    }
  }
}
