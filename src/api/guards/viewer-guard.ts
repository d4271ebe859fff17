import {
  type CanActivate,
  createParamDecorator,
  type ExecutionContext,
  Inject,
  Injectable,
} from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Viewer } from '../../analysis/history/port.js';
import { TokenSigner } from '../../platform/token-signer.js';
import { API_SETTINGS, type ApiSettings } from '../api-settings.js';
import { isOperator } from './operators.js';
import { UserGuard, userOf } from './user-guard.js';

/** Lets in operators by their key and fans by their access token. */
@Injectable()
export class ViewerGuard implements CanActivate {
  readonly #fans: UserGuard;

  constructor(
    @Inject(API_SETTINGS) private readonly settings: Pick<ApiSettings, 'adminKey'>,
    signer: TokenSigner,
  ) {
    this.#fans = new UserGuard(signer);
  }

  /** @throws {ApiProblem} unauthenticated */
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    return isOperator(request, this.settings) || this.#fans.canActivate(context);
  }
}

/** Who asks. Only behind {@link ViewerGuard}, which leaves operators without a user id. */
export const CurrentViewer = createParamDecorator((_: unknown, context: ExecutionContext): Viewer => {
  const request = context.switchToHttp().getRequest<FastifyRequest>();
  return request.userId === undefined ? { kind: 'operator' } : { kind: 'fan', userId: userOf(request) };
});
