import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { CLOCK } from '../../commands/ports.js';
import type { Clock } from '../../platform/clock.js';
import { API_SETTINGS, type ApiSettings } from '../api-settings.js';
import { ApiProblem, retryAfter } from '../problem.js';
import { RateLimiter } from '../rate-limiter.js';
import { userOf } from './user-guard.js';

/** Bounds log-ins and registrations of one address. */
@Injectable()
export class AddressRateGuard implements CanActivate {
  readonly #limiter: RateLimiter;

  constructor(@Inject(API_SETTINGS) { rateLimits }: ApiSettings, @Inject(CLOCK) clock: Clock) {
    const { signInsPerMinute, maxRemembered } = rateLimits;
    this.#limiter = new RateLimiter(signInsPerMinute, maxRemembered, () => clock.nowMs());
  }

  /** @throws {ApiProblem} too-many-requests */
  canActivate(context: ExecutionContext): boolean {
    refuseWhenSpent(this.#limiter.take(context.switchToHttp().getRequest<FastifyRequest>().ip));
    return true;
  }
}

/** Behind UserGuard: bounds the commands of one fan. */
@Injectable()
export class FanRateGuard implements CanActivate {
  readonly #limiter: RateLimiter;

  constructor(@Inject(API_SETTINGS) { rateLimits }: ApiSettings, @Inject(CLOCK) clock: Clock) {
    const { commandsPerMinute, maxRemembered } = rateLimits;
    this.#limiter = new RateLimiter(commandsPerMinute, maxRemembered, () => clock.nowMs());
  }

  /** @throws {ApiProblem} too-many-requests */
  canActivate(context: ExecutionContext): boolean {
    refuseWhenSpent(this.#limiter.take(userOf(context.switchToHttp().getRequest<FastifyRequest>())));
    return true;
  }
}

function refuseWhenSpent(waitSeconds: number): void {
  if (waitSeconds === 0) return;
  const headers = retryAfter(waitSeconds);
  const detail = `Too many requests: wait ${headers['Retry-After']} seconds and go on more slowly.`;
  throw new ApiProblem('too-many-requests', detail, { headers });
}
