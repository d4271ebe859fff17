import { Body, Controller, HttpCode, Inject, Logger, Post, Req } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { CLOCK } from '../../commands/ports.js';
import { AdvanceCharge } from '../../commands/wallet/charge-points.js';
import { Rejected } from '../../domain/rejection.js';
import { maxCallbackBytes, verifyCallback } from '../../integrations/payment/callback-signature.js';
import type { Clock } from '../../platform/clock.js';
import { API_SETTINGS, type ApiSettings } from '../api-settings.js';
import { contextOf } from '../command-context.js';
import { ApiProblem } from '../problem.js';

@Controller('v1/payment-callbacks')
export class PaymentCallbacksController {
  readonly #logger = new Logger('PaymentCallbacks');

  constructor(
    private readonly commands: CommandBus,
    @Inject(API_SETTINGS) private readonly settings: Pick<ApiSettings, 'callbackSecret'>,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** A callback is a hint: what it says is not believed, the payment system is asked again. */
  @Post()
  @HttpCode(204)
  @RouteConfig({ load: 'essential', body: 'text', bodyLimitBytes: maxCallbackBytes })
  async receive(@Body() rawBody: unknown, @Req() request: FastifyRequest): Promise<void> {
    const { callbackSecret } = this.settings;
    const body = typeof rawBody === 'string' ? rawBody : '';
    const verdict =
      callbackSecret === undefined
        ? ({ valid: false, reason: 'no-signature' } as const)
        : verifyCallback(callbackSecret, request.headers, body, this.clock.nowMs());
    if (!verdict.valid) {
      this.#logger.warn(`refused a payment callback (${verdict.reason}), request ${request.id}`);
      throw new ApiProblem('forbidden', 'The callback is not signed by the payment system.');
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
