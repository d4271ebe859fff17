import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { LRUCache } from 'lru-cache';
import { performanceIdSchema } from '../events/ids.js';
import {
  type Joining,
  JoinVerifier,
  VerificationUnavailable,
} from '../integrations/join-verification/port.js';
import { clientOf } from '../platform/client-address.js';
import { refuseWhenSpent, userOf } from './guards.js';
import { ApiProblem, retryAfter } from './problems/problem.js';
import { RATE_LIMITERS, type RateLimiters } from './rate-limiter.js';

/** For so long, and for so many fans, a proof need not be given again: the reply to a joining may have been lost. */
const provenForMs = 10 * 60_000;
const maxProven = 100_000;

/** Behind UserGuard: bounds the joinings of one queue by address, and asks for what must be proven before. */
@Injectable()
export class JoinGuard implements CanActivate {
  readonly #proven = new LRUCache<string, true>({ max: maxProven, ttl: provenForMs });

  constructor(
    @Inject(RATE_LIMITERS) private readonly limiters: RateLimiters,
    private readonly verifier: JoinVerifier,
  ) {}

  /** @throws {ApiProblem} too-many-requests, verification-needed, unavailable */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const { performanceId: asked } = request.params as Record<string, string | undefined>; // always an object
    const performanceId = performanceIdSchema.safeParse(asked).data;
    // The handler refuses it.
    if (performanceId === undefined) return true;
    refuseWhenSpent('joins', await this.limiters.joins.take(`${clientOf(request.ip)} ${performanceId}`));
    await this.#prove({ userId: userOf(request), performanceId }, request);
    return true;
  }

  async #prove(joining: Joining, request: FastifyRequest): Promise<void> {
    const key = `${joining.userId} ${joining.performanceId}`;
    if (this.#proven.has(key)) return;
    const header = request.headers['x-join-proof'];
    const proof = typeof header === 'string' && header !== '' ? header : undefined;
    let isProven: boolean;
    try {
      isProven = await this.verifier.isProven(joining, proof, request.ip);
    } catch (error) {
      if (error instanceof VerificationUnavailable) throw cannotVerify();
      throw error;
    }
    if (!isProven) throw verificationNeeded(proof !== undefined);
    if (proof !== undefined) this.#proven.set(key, true);
  }
}

function verificationNeeded(hadProof: boolean): ApiProblem {
  return new ApiProblem(
    'verification-needed',
    hadProof
      ? {
          en: 'What you sent as X-Join-Proof does not prove it: ask for a new challenge and try again.',
          ko: 'X-Join-Proof로 보낸 증명이 올바르지 않습니다. 새 과제를 받아 다시 시도해 주세요.',
        }
      : {
          en: 'Before you join, solve the challenge of this queue and send the proof as X-Join-Proof.',
          ko: '대기열에 참여하기 전에 과제를 풀고 증명을 X-Join-Proof 헤더로 보내 주세요.',
        },
  );
}

function cannotVerify(): ApiProblem {
  const detail = {
    en: 'Your proof cannot be verified at the moment: send the request again in a few seconds.',
    ko: '지금은 증명을 확인할 수 없습니다. 몇 초 뒤에 다시 요청해 주세요.',
  };
  return new ApiProblem('unavailable', detail, { headers: retryAfter(3) });
}
