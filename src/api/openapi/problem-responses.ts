import { QueueTokenGuard } from '../guards/queue-token-guard.js';
import { AddressRateGuard, FanRateGuard } from '../guards/rate-guards.js';
import { UserGuard } from '../guards/user-guard.js';
import { ViewerGuard } from '../guards/viewer-guard.js';
import { ApiProblem, problemMediaType } from '../problem.js';
import { type ProblemCode, problemKinds } from '../problem-kinds.js';
import { WaitForPosition } from '../read-position.js';
import type { Operation } from './operations/operation.js';
import type { ReflectedRoute } from './reflect-routes.js';

const byGuard: readonly (readonly [unknown, ProblemCode])[] = [
  [UserGuard, 'unauthenticated'],
  [ViewerGuard, 'unauthenticated'],
  [QueueTokenGuard, 'queue-token-invalid'],
  [FanRateGuard, 'too-many-requests'],
  [AddressRateGuard, 'too-many-requests'],
  [WaitForPosition, 'read-model-behind'],
];

/** Every code an endpoint may refuse with. */
export function problemCodesOf(route: ReflectedRoute, operation: Operation): ProblemCode[] {
  const codes = new Set<ProblemCode>(operation.problems);
  for (const [guard, code] of byGuard) if (route.guards.has(guard)) codes.add(code);
  if (route.config.operatorsOnly) codes.add('unauthenticated');
  if (route.inputs.length > 0) codes.add('validation-failed');
  if (route.inputs.some(({ part }) => part === 'body')) {
    for (const code of ['malformed-json', 'unsupported-media-type', 'body-too-large'] as const)
      codes.add(code);
  }
  if (operation.isIdempotent) {
    codes.add('idempotency-key-missing');
    codes.add('idempotency-key-in-flight');
    codes.add('idempotency-key-reused');
  }
  if (route.method !== 'GET') codes.add('unavailable');
  codes.add('log-mismatch');
  codes.add('internal');
  return [...codes];
}

/** The refusals as responses, by status, with an example for each code. */
export function problemResponses(path: string, codes: readonly ProblemCode[]): Record<string, object> {
  const byStatus = groupByStatus(codes);
  return Object.fromEntries(
    [...byStatus].map(([status, statusCodes]) => [
      String(status),
      {
        description: statusCodes.map((code) => problemKinds[code].title).join('; '),
        content: {
          [problemMediaType]: {
            schema: { $ref: '#/components/schemas/Problem' },
            examples: Object.fromEntries(statusCodes.map((code) => [code, { value: example(path, code) }])),
          },
        },
      },
    ]),
  );
}

function groupByStatus(codes: readonly ProblemCode[]): Map<number, ProblemCode[]> {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of codes) {
    const { status } = problemKinds[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return byStatus;
}

function example(path: string, code: ProblemCode) {
  const errors = code === 'validation-failed' ? { errors: [{ field: 'name', message: 'is missing' }] } : {};
  const problem = new ApiProblem(code, problemKinds[code].advice, errors);
  return problem.toDocument(path, '3f2c8a51-6f0e-4a39-9b61-0d7c5b8e2a10');
}
