import { type CanActivate, createParamDecorator, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { QueuePass } from '../../commands/queue/queue-admission.js';
import { TokenSigner } from '../../platform/token-signer.js';
import { ApiProblem } from '../problem.js';
import { userOf } from './user-guard.js';

/** Behind UserGuard: lets in whoever carries their own queue token of the performance the route names, if any. */
@Injectable()
export class QueueTokenGuard implements CanActivate {
  constructor(private readonly signer: TokenSigner) {}

  /** @throws {ApiProblem} queue-token-invalid */
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const pass = readPass(this.signer, request.headers['x-queue-token'], performanceIn(request));
    if (pass.userId !== userOf(request)) {
      throw invalid('This queue token belongs to somebody else: join the queue yourself.');
    }
    request.queuePass = pass;
    return true;
  }
}

/**
 * What a queue token says.
 * @param performanceId of the route, as it came; undefined where the route names none.
 * @throws {ApiProblem} queue-token-invalid
 */
export function readPass(signer: TokenSigner, value: unknown, performanceId: string | undefined): QueuePass {
  if (typeof value !== 'string') {
    throw invalid('Join the queue and send its token as X-Queue-Token.');
  }
  const claims = signer.queue.verify(value);
  if (!claims) throw invalid('The queue token is forged or has expired: ask for your place again.');
  if (performanceId !== undefined && performanceId.toLowerCase() !== claims.pid) {
    throw invalid('This queue token is for another performance.');
  }
  return { tokenId: claims.tid, userId: claims.sub, performanceId: claims.pid, number: claims.num };
}

/** The place in the queue a request belongs to. Only behind {@link QueueTokenGuard}. */
export const CurrentPass = createParamDecorator((_: unknown, context: ExecutionContext): QueuePass => {
  const { queuePass } = context.switchToHttp().getRequest<FastifyRequest>();
  if (queuePass === undefined) throw new Error('the route has no QueueTokenGuard');
  return queuePass;
});

/** The performance a route names. */
export function performanceIn(request: FastifyRequest): string | undefined {
  const { performanceId } = request.params as Record<string, string | undefined>; // always an object
  return performanceId;
}

function invalid(detail: string): ApiProblem {
  return new ApiProblem('queue-token-invalid', detail);
}
