import { type CanActivate, createParamDecorator, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { UserId } from '../../events/ids.js';
import { TokenSigner } from '../../platform/token-signer.js';
import { ApiProblem } from '../problem.js';
import { bearerOf } from './bearer.js';

/** Lets in whoever carries a valid access token, and notes whose it is. */
@Injectable()
export class UserGuard implements CanActivate {
  constructor(private readonly signer: TokenSigner) {}

  /** @throws {ApiProblem} unauthenticated */
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const token = bearerOf(request);
    const claims = token === undefined ? undefined : this.signer.access.verify(token);
    if (!claims) throw unauthenticated(token !== undefined);
    request.userId = claims.sub;
    return true;
  }
}

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
      ? 'The access token is not valid any more: refresh it or log in.'
      : 'Log in and send the access token as bearer token.',
    { headers: { 'WWW-Authenticate': hadToken ? 'Bearer error="invalid_token"' : 'Bearer' } },
  );
}
