import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Operator, OperatorKeys } from '../commands/operators/operator-keys.js';
import type { OperatorRole } from '../events/operator-events.js';
import { clientOf } from '../platform/client-address.js';
import type { SecurityEvent, SecurityEvents } from '../platform/security-events.js';
import { ApiProblem, type Bilingual } from './problems/problem.js';
import { type AdmittedRoles, bearerOf, pathOf } from './request.js';

type RefusalReason = Extract<SecurityEvent, { kind: 'operator-refused' }>['reason'];

/** Lets operators in by their keys, and records who was refused and who did what. */
export class OperatorGate {
  constructor(
    private readonly keys: Pick<OperatorKeys, 'check' | 'mayBeKey'>,
    private readonly security: SecurityEvents,
  ) {}

  /**
   * The operator who asks.
   * @param roles who may do this, beside the owner.
   * @param key as it was sent; default: the bearer token.
   * @throws {ApiProblem} unauthenticated, operator-role-missing
   * @throws {StoreUnavailable} when the keys cannot be read.
   */
  async admit(request: FastifyRequest, roles: AdmittedRoles, key = bearerOf(request)): Promise<Operator> {
    if (key === undefined) {
      this.#refused(request, 'no-key');
      throw unauthenticated(sendKey);
    }
    const check = await this.keys.check(key);
    if (!check.isValid) {
      this.#refused(request, check.reason, check);
      throw unauthenticated(check.reason === 'environment-key-closed' ? environmentKeyClosed : sendKey);
    }
    const { operator, role, keyId } = check;
    if (role !== 'owner' && !roles.includes(role)) {
      this.#refused(request, 'role', check);
      throw roleMissing(role, roles);
    }
    return { operator, role, keyId };
  }

  /** Whether a bearer token has the form of an operator's key, and not of a fan's token. */
  mayBeKey(key: string): boolean {
    return this.keys.mayBeKey(key);
  }

  /** Records what an operator has changed; questions are not recorded. */
  acted(request: FastifyRequest, { operator, keyId }: Operator, status: number): void {
    if (request.method === 'GET' || request.method === 'HEAD') return;
    this.security.record({ kind: 'operator-action', operator, keyId, status, ...sourceOf(request) });
  }

  #refused(
    request: FastifyRequest,
    reason: RefusalReason,
    { operator, keyId }: Partial<Operator> = {},
  ): void {
    this.security.record({ kind: 'operator-refused', reason, operator, keyId, ...sourceOf(request) });
  }
}

function sourceOf(request: FastifyRequest) {
  return {
    method: request.method,
    path: pathOf(request),
    address: clientOf(request.ip),
    requestId: request.id,
  };
}

/**
 * Finds out who asks for an operators' endpoint: sets the request's operator, or why it is refused. To be added before what
 * treats operators differently; {@link refuseOthers} then refuses.
 */
export function recogniseOperators(fastify: FastifyInstance, gate: OperatorGate): void {
  // Not an async hook: it runs for every request, and most are not for operators.
  fastify.addHook('onRequest', (request, _reply, done) => {
    const roles = request.routeOptions.config?.operatorsOnly;
    if (roles === undefined) return done();
    gate.admit(request, roles).then(
      (operator) => {
        request.operator = operator;
        done();
      },
      (error: unknown) => {
        request.operatorRefusal = error instanceof Error ? error : new Error(String(error));
        done();
      },
    );
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    if (request.operator !== undefined) gate.acted(request, request.operator, reply.statusCode);
    done();
  });
}

/** Refuses whom {@link recogniseOperators} did not let in, before the body is read. */
export function refuseOthers(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request, _reply, done) => done(request.operatorRefusal));
}

const sendKey: Bilingual = {
  en: 'Send a valid operator’s key as bearer token.',
  ko: '유효한 운영자 키를 Bearer 토큰으로 보내 주세요.',
};

const environmentKeyClosed: Bilingual = {
  en: 'An owner’s key has been issued, so the key of the environment opens nothing any more: use your own key.',
  ko: '소유자 키가 발급되어 환경 변수의 키는 더 이상 사용할 수 없습니다. 본인의 키를 사용해 주세요.',
};

function unauthenticated(detail: Bilingual): ApiProblem {
  return new ApiProblem('unauthenticated', detail, {
    headers: { 'WWW-Authenticate': 'Bearer realm="operators"' },
  });
}

function roleMissing(role: OperatorRole, roles: AdmittedRoles): ApiProblem {
  const admitted = ['owner', ...roles];
  const detail = {
    en: `Your key is for the role ${role}, and this needs ${admitted.join(' or ')}.`,
    ko: `가지고 계신 키의 역할은 ${role}이며, 이 요청에는 ${admitted.join(' 또는 ')} 역할이 필요합니다.`,
  };
  return new ApiProblem('operator-role-missing', detail, { facts: { role, roles: admitted } });
}
