import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { ApiProblem, retryAfter } from '../problem.js';
import { RATE_LIMITERS, type RateLimiters } from '../rate-limiter.js';
import { userOf } from './user-guard.js';

/** Bounds log-ins and registrations of one address. */
@Injectable()
export class AddressRateGuard implements CanActivate {
  constructor(@Inject(RATE_LIMITERS) private readonly limiters: RateLimiters) {}

  /** @throws {ApiProblem} too-many-requests */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    refuseWhenSpent(await this.limiters.signIns.take(requestOf(context).ip));
    return true;
  }
}

/** Behind UserGuard: bounds the commands of one fan. */
@Injectable()
export class FanRateGuard implements CanActivate {
  constructor(@Inject(RATE_LIMITERS) private readonly limiters: RateLimiters) {}

  /** @throws {ApiProblem} too-many-requests */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    refuseWhenSpent(await this.limiters.commands.take(userOf(requestOf(context))));
    return true;
  }
}

function requestOf(context: ExecutionContext): FastifyRequest {
  return context.switchToHttp().getRequest<FastifyRequest>();
}

function refuseWhenSpent(waitSeconds: number): void {
  if (waitSeconds === 0) return;
  const headers = retryAfter(waitSeconds);
  const detail = `Too many requests: wait ${headers['Retry-After']} seconds and go on more slowly.`;
  throw new ApiProblem('too-many-requests', detail, { headers });
}
