import {
  type CanActivate,
  createParamDecorator,
  type ExecutionContext,
  Inject,
  Injectable,
} from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Viewer } from '../analysis/history/port.js';
import { type AccessSession, SessionCheck } from '../commands/account/session-check.js';
import type { QueueToken } from '../commands/queue/queue-admission.js';
import type { UserId } from '../events/ids.js';
import { clientOf } from '../platform/client-address.js';
import { TokenSigner } from '../platform/token-signer.js';
import { OperatorGate } from './operator-gate.js';
import { ApiProblem, type Bilingual, retryAfter } from './problems/problem.js';
import { RATE_LIMITERS, type RateLimiters } from './rate-limiter.js';
import { bearerOf } from './request.js';

/** Requires a valid access token of a session that lives, and sets the request's user and session. */
@Injectable()
export class UserGuard implements CanActivate {
  constructor(
    private readonly signer: TokenSigner,
    private readonly sessions: SessionCheck,
  ) {}

  /** @throws {ApiProblem} unauthenticated, session-ended */
  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const token = bearerOf(request);
    const claims = token === undefined ? undefined : this.signer.access.verify(token);
    if (!claims) throw unauthenticated(token !== undefined);
    const { sub: userId, sid: sessionId, ep: epoch = 0, iat } = claims;
    const session = {
      userId,
      sessionId,
      epoch,
      issuedAtMs: iat === undefined ? undefined : iat * 1000,
    };
    request.userId = userId;
    request.session = session;
    const isLive = this.sessions.isLive(session);
    return typeof isLive === 'boolean' ? admitLive(isLive) : isLive.then(admitLive);
  }
}

function admitLive(isLive: boolean): true {
  if (isLive) return true;
  throw new ApiProblem(
    'session-ended',
    { en: 'This session has ended: log in again.', ko: '세션이 끝났습니다. 다시 로그인해 주세요.' },
    { headers: { 'WWW-Authenticate': 'Bearer error="invalid_token"' } },
  );
}

/** The session of the fan who asks. Only behind {@link UserGuard}. */
export const CurrentSession = createParamDecorator((_: unknown, context: ExecutionContext): AccessSession => {
  const { session } = context.switchToHttp().getRequest<FastifyRequest>();
  if (session === undefined) throw new Error('the route has no UserGuard');
  return session;
});

/** The fan who asks. Only behind {@link UserGuard}. */
export const CurrentUser = createParamDecorator((_: unknown, context: ExecutionContext): UserId => {
  return userOf(context.switchToHttp().getRequest<FastifyRequest>());
});

/** The fan a guarded request belongs to. */
export function userOf(request: FastifyRequest): UserId {
  if (request.userId === undefined) throw new Error('the route has no UserGuard');
  return request.userId;
}

function unauthenticated(hadToken: boolean): ApiProblem {
  return new ApiProblem(
    'unauthenticated',
    hadToken
      ? {
          en: 'The access token is not valid any more: refresh it or log in.',
          ko: '액세스 토큰이 더 이상 유효하지 않습니다. 갱신하거나 다시 로그인해 주세요.',
        }
      : {
          en: 'Log in and send the access token as bearer token.',
          ko: '로그인한 뒤 액세스 토큰을 Bearer 토큰으로 보내 주세요.',
        },
    { headers: { 'WWW-Authenticate': hadToken ? 'Bearer error="invalid_token"' : 'Bearer' } },
  );
}

/** Behind UserGuard: requires the user's own queue token, of the performance the route names, if any. */
@Injectable()
export class QueueTokenGuard implements CanActivate {
  constructor(private readonly signer: TokenSigner) {}

  /** @throws {ApiProblem} queue-token-invalid */
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const queueToken = readQueueToken(this.signer, request.headers['x-queue-token'], performanceIn(request));
    if (queueToken.userId !== userOf(request)) {
      throw invalid({
        en: 'This queue token belongs to somebody else: join the queue yourself.',
        ko: '다른 사람의 대기열 토큰입니다. 직접 대기열에 참여해 주세요.',
      });
    }
    request.queueToken = queueToken;
    return true;
  }
}

/**
 * What a queue token says.
 * @param performanceId of the route, as it came; undefined where the route names none.
 * @throws {ApiProblem} queue-token-invalid
 */
export function readQueueToken(
  signer: TokenSigner,
  value: unknown,
  performanceId: string | undefined,
): QueueToken {
  if (typeof value !== 'string') {
    throw invalid({
      en: 'Join the queue and send its token as X-Queue-Token.',
      ko: '대기열에 참여한 뒤 받은 토큰을 X-Queue-Token 헤더로 보내 주세요.',
    });
  }
  const claims = signer.queue.verify(value);
  if (!claims)
    throw invalid({
      en: 'The queue token is forged or has expired: ask for your place again.',
      ko: '대기열 토큰이 위조되었거나 만료되었습니다. 순번을 다시 요청해 주세요.',
    });
  if (performanceId !== undefined && performanceId.toLowerCase() !== claims.pid) {
    throw invalid({
      en: 'This queue token is for another performance.',
      ko: '다른 공연의 대기열 토큰입니다.',
    });
  }
  return { tokenId: claims.tid, userId: claims.sub, performanceId: claims.pid, number: claims.num };
}

/** The place in the queue a request belongs to. Only behind {@link QueueTokenGuard}. */
export const CurrentQueueToken = createParamDecorator((_: unknown, context: ExecutionContext): QueueToken => {
  const { queueToken } = context.switchToHttp().getRequest<FastifyRequest>();
  if (queueToken === undefined) throw new Error('the route has no QueueTokenGuard');
  return queueToken;
});

/** The performance a route names. */
function performanceIn(request: FastifyRequest): string | undefined {
  const { performanceId } = request.params as Record<string, string | undefined>; // always an object
  return performanceId;
}

function invalid(detail: Bilingual): ApiProblem {
  return new ApiProblem('queue-token-invalid', detail);
}

/** Requires a fan's access token, or the key of an operator whom the route admits too. */
@Injectable()
export class ViewerGuard implements CanActivate {
  readonly #fans: UserGuard;

  constructor(
    private readonly gate: OperatorGate,
    signer: TokenSigner,
    sessions: SessionCheck,
  ) {
    this.#fans = new UserGuard(signer, sessions);
  }

  /** @throws {ApiProblem} unauthenticated, session-ended, operator-role-missing */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const token = bearerOf(request);
    if (token === undefined || !this.gate.mayBeKey(token)) return this.#fans.canActivate(context);
    request.operator = await this.gate.admit(request, request.routeOptions.config?.operatorsToo ?? []);
    return true;
  }
}

/** Who asks. Only behind {@link ViewerGuard}, which leaves operators without a user id. */
export const CurrentViewer = createParamDecorator((_: unknown, context: ExecutionContext): Viewer => {
  const request = context.switchToHttp().getRequest<FastifyRequest>();
  return request.userId === undefined ? { kind: 'operator' } : { kind: 'fan', userId: userOf(request) };
});

/** Bounds the registrations of one address. */
@Injectable()
export class RegistrationRateGuard implements CanActivate {
  constructor(@Inject(RATE_LIMITERS) private readonly limiters: RateLimiters) {}

  /** @throws {ApiProblem} too-many-requests */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    refuseWhenSpent('registrations', await this.limiters.registrations.take(clientOf(requestOf(context).ip)));
    return true;
  }
}

/** Bounds the refreshes of sessions of one address. */
@Injectable()
export class RefreshRateGuard implements CanActivate {
  constructor(@Inject(RATE_LIMITERS) private readonly limiters: RateLimiters) {}

  /** @throws {ApiProblem} too-many-requests */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    refuseWhenSpent('refreshes', await this.limiters.refreshes.take(clientOf(requestOf(context).ip)));
    return true;
  }
}

/** Behind UserGuard: bounds the commands of one fan. */
@Injectable()
export class FanRateGuard implements CanActivate {
  constructor(@Inject(RATE_LIMITERS) private readonly limiters: RateLimiters) {}

  /** @throws {ApiProblem} too-many-requests */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    refuseWhenSpent('commands', await this.limiters.commands.take(userOf(requestOf(context))));
    return true;
  }
}

function requestOf(context: ExecutionContext): FastifyRequest {
  return context.switchToHttp().getRequest<FastifyRequest>();
}

/**
 * @param limit its name in the security log.
 * @throws {ApiProblem} too-many-requests, unless nothing has to be waited for
 */
export function refuseWhenSpent(limit: string, waitSeconds: number): void {
  if (waitSeconds === 0) return;
  const headers = retryAfter(waitSeconds);
  const seconds = headers['Retry-After'];
  const detail = {
    en: `Too many requests: wait ${seconds} seconds and go on more slowly.`,
    ko: `요청이 너무 많습니다. ${seconds}초 뒤에 더 천천히 요청해 주세요.`,
  };
  throw new ApiProblem('too-many-requests', detail, { headers, limit });
}
