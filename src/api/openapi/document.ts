import type { OpenAPIObject } from '@nestjs/swagger';
import { z } from 'zod';
import { allControllers } from '../api.module.js';
import { AddressRateGuard, FanRateGuard, QueueTokenGuard, UserGuard, ViewerGuard } from '../guards.js';
import { ApiProblem, problemMediaType } from '../problems/problem.js';
import { type ProblemCode, problemKinds } from '../problems/problem-kinds.js';
import { WaitForPosition } from '../read-position.js';
import type { Documented, Operation, Operations, Reply } from './operation.js';
import { accountOperations } from './operations/account.js';
import { bookingOperations } from './operations/booking.js';
import { catalogOperations } from './operations/catalog.js';
import { historyOperations } from './operations/history.js';
import { projectionOperations } from './operations/projections.js';
import { systemOperations } from './operations/system.js';
import { type ReflectedRoute, reflectRoutes } from './routes.js';

export const allOperations: Operations = {
  ...accountOperations,
  ...catalogOperations,
  ...bookingOperations,
  ...historyOperations,
  ...systemOperations,
  ...projectionOperations,
};

const problemSchema = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  detail: z.string().describe('What to do next.'),
  code: z.enum(Object.keys(problemKinds)).describe('Stable: decide by this.'),
  instance: z.string(),
  requestId: z.string(),
  errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
});

/**
 * The OpenAPI 3.1 document: inputs, guards and refusals read from the controllers, words and replies from the
 * operations.
 * @throws {Error} when an endpoint has no operation, or an operation no endpoint: a defect of ours.
 */
export function openApiDocument(): OpenAPIObject {
  const schemas = new Map<string, object>([['Problem', toJsonSchema(problemSchema, 'output')]]);
  const paths: Record<string, Record<string, object>> = {};
  const undescribed = new Set(Object.keys(allOperations));
  for (const route of reflectRoutes(allControllers)) {
    const key = `${route.method} ${route.path}`;
    const operation = allOperations[key];
    if (!operation) throw new Error(`the API document does not describe ${key}`);
    undescribed.delete(key);
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: describe(route, operation, path, schemas) };
  }
  if (undescribed.size > 0) throw new Error(`no endpoint for ${[...undescribed].join(', ')}`);
  const document = {
    openapi: '3.1.0',
    info: {
      title: 'boxoffice',
      version: '1',
      description:
        'Concert tickets: wait your turn, hold seats, pay with points. Errors are problem documents (RFC 9457); /docs/problems explains each code.',
    },
    servers: [{ url: '/' }],
    paths,
    components: { schemas: Object.fromEntries(schemas), securitySchemes },
  };
  return document as OpenAPIObject; // its type is OpenAPI 3.0's; JSON Schema 2020-12 says more
}

const securitySchemes = {
  accessToken: { type: 'http', scheme: 'bearer', description: 'The access token of a log-in.' },
  queueToken: { type: 'apiKey', in: 'header', name: 'X-Queue-Token', description: 'Your place in a queue.' },
  operatorKey: { type: 'http', scheme: 'bearer', description: 'The operators’ key.' },
};

function describe(
  route: ReflectedRoute,
  operation: Operation,
  path: string,
  schemas: Map<string, object>,
): object {
  const { tag, summary, description, replies } = operation;
  const requestBody = requestBodyOf(route, operation);
  const responses = Object.entries(replies).map(([status, reply]) => [status, describeReply(reply, schemas)]);
  return {
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    operationId: `${route.method.toLowerCase()} ${path}`.replace(/[^A-Za-z]+/g, '_').replace(/_$/, ''),
    security: securityOf(route),
    parameters: parametersOf(route, operation),
    ...(requestBody === undefined ? {} : { requestBody }),
    responses: {
      ...Object.fromEntries(responses),
      ...problemResponses(path, problemCodesOf(route, operation)),
    },
  };
}

function describeReply(reply: Reply, schemas: Map<string, object>): object {
  const { description } = reply;
  switch (reply.kind) {
    case 'empty':
      return { description };
    case 'events':
      return {
        description,
        content: { 'text/event-stream': { schema: { type: 'string' }, example: reply.example } },
      };
    case 'text':
      return {
        description,
        content: { 'text/plain': { schema: { type: 'string' }, example: reply.example } },
      };
    case 'json':
      return { description, content: { 'application/json': jsonContent(reply.body, schemas) } };
  }
}

function jsonContent({ name, schema, example }: Documented, schemas: Map<string, object>): object {
  if (!schemas.has(name)) schemas.set(name, toJsonSchema(schema, 'output'));
  return { schema: { $ref: `#/components/schemas/${name}` }, example };
}

type JsonSchema = Record<string, unknown>;

/** A zod schema as JSON Schema 2020-12, which OpenAPI 3.1 uses. */
function toJsonSchema(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return json;
}

/** Path, query and header parameters. */
function parametersOf(route: ReflectedRoute, operation: Operation): object[] {
  const parameters: object[] = [];
  for (const { part, name, schema } of route.inputs) {
    if (part === 'param') {
      parameters.push({ in: 'path', name, required: true, schema: toJsonSchema(schema, 'input') });
    }
    if (part === 'query') parameters.push(...queryParameters(toJsonSchema(schema, 'input')));
  }
  const header = (name: string, required: boolean, description: string, schema: JsonSchema) =>
    parameters.push({ in: 'header', name, required, description, schema });
  if (operation.isIdempotent) {
    const schema = { type: 'string', minLength: 1, maxLength: 255, pattern: '^[\\x20-\\x7e]+$' };
    const about =
      'New for every intention, the same for every repetition of it. A repetition gets the first final reply again (header `Idempotency-Replayed: true`), refusals included.';
    header('Idempotency-Key', true, about, schema);
  }
  if (route.guards.has(WaitForPosition)) {
    const about =
      'Answer only once the read models contain everything up to this log position. A position beyond the end of the log (restored from a backup) is not waited for.';
    header('X-Wait-For-Position', false, about, { type: 'integer', minimum: 0 });
  }
  if (operation.isResumable) {
    const about = 'Sent by the browser when it reconnects; counts before `after`.';
    header('Last-Event-ID', false, about, { type: 'string', pattern: '^\\d{1,15}$' });
  }
  return parameters;
}

function queryParameters(schema: JsonSchema): object[] {
  const properties = (schema.properties ?? {}) as Record<string, JsonSchema>; // an object schema's properties
  const required = Array.isArray(schema.required) ? schema.required : [];
  return Object.entries(properties).map(([name, property]) => ({
    in: 'query',
    name,
    required: required.includes(name),
    schema: property,
  }));
}

/** The body, if the endpoint takes one. */
function requestBodyOf(route: ReflectedRoute, operation: Operation): object | undefined {
  const body = route.inputs.find(({ part }) => part === 'body');
  if (!body && operation.bodyTypes === undefined) return undefined;
  const schema = body ? toJsonSchema(body.schema, 'input') : {};
  const examples = Object.fromEntries(
    Object.entries(operation.requestExamples ?? {}).map(([name, value]) => [name, { value }]),
  );
  const types = operation.bodyTypes ?? ['application/json'];
  const content = (type: string) => (type === 'application/json' ? { schema, examples } : { schema: {} });
  return { required: true, content: Object.fromEntries(types.map((type) => [type, content(type)])) };
}

/** Which of the security schemes an endpoint asks for. */
function securityOf(route: ReflectedRoute): Record<string, string[]>[] {
  if (route.config.operatorsOnly) return [{ operatorKey: [] }];
  if (route.guards.has(QueueTokenGuard)) return [{ accessToken: [], queueToken: [] }];
  if (route.guards.has(ViewerGuard)) return [{ accessToken: [] }, { operatorKey: [] }];
  return route.guards.has(UserGuard) ? [{ accessToken: [] }] : [];
}

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
function problemResponses(path: string, codes: readonly ProblemCode[]): Record<string, object> {
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
