import type { OpenAPIObject } from '@nestjs/swagger';
import { z } from 'zod';
import { performanceIdSchema } from '../../events/ids.js';
import { exampleOf, nameOf } from '../../queries/replies/reply.js';
import { allControllers } from '../api.module.js';
import {
  FanRateGuard,
  QueueTokenGuard,
  RefreshRateGuard,
  RegistrationRateGuard,
  UserGuard,
  ViewerGuard,
} from '../guards.js';
import { JoinGuard } from '../join-guard.js';
import { ApiProblem, problemMediaType } from '../problems/problem.js';
import { type ProblemCode, problemKinds } from '../problems/problem-kinds.js';
import { WaitForPosition } from '../read-position.js';
import { type DocumentedReply, type Operation, type Operations, tags } from './operation.js';
import { accountOperations } from './operations/account.js';
import { bookingOperations } from './operations/booking.js';
import { catalogOperations } from './operations/catalog.js';
import { operatorOperations } from './operations/operators.js';
import { type ReflectedRoute, reflectRoutes } from './routes.js';

export const allOperations: Operations = {
  ...accountOperations,
  ...catalogOperations,
  ...bookingOperations,
  ...operatorOperations,
};

type JsonSchema = Record<string, unknown>;

const problemSchema = z
  .looseObject({
    type: z.string(),
    title: z.string().describe('In the language asked for (Accept-Language: ko or en).'),
    status: z.number().int(),
    detail: z.string().describe('What to do next, in the language asked for.'),
    code: z.enum(Object.keys(problemKinds)).describe('Stable: decide by this.'),
    instance: z.string(),
    requestId: z.string(),
    errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
  })
  .meta({ id: 'Problem' });

/**
 * The OpenAPI 3.1 document: inputs, guards and refusals are read from the controllers, descriptions and replies from
 * the operations.
 * @throws {Error} when an endpoint has no operation, or an operation no endpoint: a defect of ours.
 */
export function openApiDocument(): OpenAPIObject {
  const schemas = namedSchemas();
  const paths: Record<string, Record<string, object>> = {};
  const codes = new Set<ProblemCode>();
  const undescribed = new Set(Object.keys(allOperations));
  for (const route of reflectRoutes(allControllers)) {
    const operation = allOperations[route.operationId];
    if (!operation) throw new Error(`the API document does not describe ${route.operationId}`);
    if (!undescribed.delete(route.operationId))
      throw new Error(`two handlers are called ${route.operationId}`);
    for (const code of problemCodesOf(route, operation)) codes.add(code);
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: describe(route, operation, schemas) };
  }
  if (undescribed.size > 0) throw new Error(`no handler is called ${[...undescribed].join(', ')}`);
  const document = {
    openapi: '3.1.0',
    info: {
      title: 'boxoffice',
      version: '1',
      description:
        'Concert tickets: wait your turn, hold seats, pay with points. Errors are problem documents (RFC 9457); /docs/problems explains each code.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    paths,
    components: { schemas, headers, examples: problemExamples([...codes]), securitySchemes },
  };
  return document as OpenAPIObject; // its type is OpenAPI 3.0's; JSON Schema 2020-12 says more
}

/** Every schema with a name, as a component: where one contains another, it refers to it. */
function namedSchemas(): Record<string, JsonSchema> {
  const { schemas } = z.toJSONSchema(z.globalRegistry, { ...conversion, uri: schemaRef });
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, withoutIds(schema)]));
}

const conversion: z.core.ToJSONSchemaParams = {
  unrepresentable: 'any',
  // Leaves out what says nothing about a value: the bounds of safe integers, and that TypeScript does not change it.
  override: ({ jsonSchema }) => {
    delete jsonSchema.readOnly;
    if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
    if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  },
};

function schemaRef(name: string): string {
  return `#/components/schemas/${name}`;
}

/** A zod schema as JSON Schema 2020-12, which OpenAPI 3.1 uses. */
function toJsonSchema(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  return withoutIds(z.toJSONSchema(schema, { ...conversion, io }));
}

/** A component's name is its key: JSON Schema's own ids would change what references mean. */
function withoutIds({ $schema: _, $id: __, id: ___, ...schema }: JsonSchema): JsonSchema {
  return schema;
}

const securitySchemes = {
  accessToken: { type: 'http', scheme: 'bearer', description: 'The access token of a log-in.' },
  queueToken: { type: 'apiKey', in: 'header', name: 'X-Queue-Token', description: 'Your place in a queue.' },
  operatorKey: {
    type: 'http',
    scheme: 'bearer',
    description: 'The key of an operator with one of the roles.',
  },
};

type HeaderName =
  | 'X-Request-Id'
  | 'X-Log-Position'
  | 'Idempotency-Replayed'
  | 'Retry-After'
  | 'Content-Language'
  | 'WWW-Authenticate'
  | 'Location'
  | 'ETag'
  | 'Cache-Control';

const text = { type: 'string' };
const headers: Record<HeaderName, { description: string; schema: JsonSchema }> = {
  'X-Request-Id': {
    description: 'The request’s id: the one that was sent, if it is 8 to 100 letters, digits and `._:-`.',
    schema: text,
  },
  'X-Log-Position': {
    description: 'Log position of the effect; absent when nothing changed.',
    schema: { type: 'integer', minimum: 0 },
  },
  'Idempotency-Replayed': {
    description: '`true`: the first reply to this key, again.',
    schema: { type: 'string', const: 'true' },
  },
  'Retry-After': { description: 'Seconds to wait.', schema: { type: 'integer', minimum: 1 } },
  'Content-Language': {
    description: 'Language of title and detail.',
    schema: { type: 'string', enum: ['en', 'ko'] },
  },
  'WWW-Authenticate': { description: 'The authentication that is needed.', schema: text },
  Location: { description: 'Address of what was created.', schema: text },
  ETag: {
    description: 'Names this reply: send it as If-None-Match to hear whether it is still so.',
    schema: text,
  },
  'Cache-Control': { description: 'For how long, and by which caches, it may be used again.', schema: text },
};

function headerRefs(names: readonly HeaderName[]): Record<string, object> {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

function describe(route: ReflectedRoute, operation: Operation, schemas: Record<string, JsonSchema>): object {
  const { tag, summary, description, replies } = operation;
  const requestBody = requestBodyOf(route, operation, schemas);
  const names: HeaderName[] = ['X-Request-Id', ...(operation.headers ?? [])];
  if (operation.isIdempotent) names.push('Idempotency-Replayed');
  const isShared = route.config.shared !== undefined;
  if (isShared) names.push('ETag', 'Cache-Control');
  const replyHeaders = headerRefs(names);
  const responses = Object.entries(replies).map(([status, reply]) => {
    return [status, { ...describeReply(reply), headers: replyHeaders }] as const;
  });
  const parameters = parametersOf(route, operation);
  return {
    tags: [tag],
    summary,
    ...descriptionOf(route, description),
    operationId: route.operationId,
    security: securityOf(route),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(requestBody === undefined ? {} : { requestBody }),
    responses: {
      ...Object.fromEntries(responses),
      ...(isShared ? { 304: { description: notModified, headers: replyHeaders } } : {}),
      ...problemResponses(problemCodesOf(route, operation)),
    },
  };
}

/** With the roles that may use it, if it is for operators. */
function descriptionOf({ config }: ReflectedRoute, description: string | undefined) {
  const roles = config.operatorsOnly ?? config.operatorsToo;
  const forWhom =
    roles === undefined
      ? undefined
      : `${config.operatorsOnly ? 'For' : 'Operators:'} ${['owner', ...roles].join(', ')}.`;
  const text = [description, forWhom].filter((part) => part !== undefined).join(' ');
  return text === '' ? {} : { description: text };
}

const notModified = 'The reply named by If-None-Match is still right. No body.';

function describeReply(reply: DocumentedReply): object {
  const { description } = reply;
  switch (reply.kind) {
    case 'empty':
      return { description };
    case 'events': {
      const data = (reply.data ?? []).map((schema) => ({ $ref: schemaRef(nameOf(schema)) }));
      const schema = data.length === 0 ? text : { ...text, contentSchema: { oneOf: data } };
      return { description, content: { 'text/event-stream': { schema, example: reply.example } } };
    }
    case 'text':
      return { description, content: { 'text/plain': { schema: text, example: reply.example } } };
    case 'json': {
      const schema = { $ref: schemaRef(nameOf(reply.schema)) };
      return { description, content: { 'application/json': { schema, example: exampleOf(reply.schema) } } };
    }
  }
}

/** Path, query and header parameters. */
function parametersOf(route: ReflectedRoute, operation: Operation): object[] {
  const parameters: object[] = [];
  for (const { part, name, schema } of route.inputs) {
    if (part === 'param') {
      parameters.push({ in: 'path', name, required: true, schema: toJsonSchema(schema, 'input') });
    }
    if (part === 'query') parameters.push(...queryParameters(schema));
  }
  // Only QueueTokenGuard reads it, and guards declare no inputs.
  if (route.path.includes(':performanceId') && !route.inputs.some(({ name }) => name === 'performanceId')) {
    const schema = toJsonSchema(performanceIdSchema, 'input');
    parameters.unshift({ in: 'path', name: 'performanceId', required: true, schema });
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
      'Answer only once the read models contain everything up to this log position. A position beyond the end of the log is refused.';
    header('X-Wait-For-Position', false, about, { type: 'integer', minimum: 0 });
  }
  if (route.guards.has(JoinGuard)) {
    const about = 'The answer to the challenge of `GET …/queue-token/challenge`, if it asks for one.';
    header('X-Join-Proof', false, about, { type: 'string', maxLength: 4096 });
  }
  if (route.config.shared !== undefined) {
    const about = 'The ETag of the reply you have: 304 instead of the same again.';
    header('If-None-Match', false, about, text);
  }
  if (operation.isResumable) {
    const about = 'Sent by the browser when it reconnects; counts before `after`.';
    header('Last-Event-ID', false, about, { type: 'string', pattern: '^\\d{1,15}$' });
  }
  return parameters;
}

/** Query parameters by the type they are read as: a number, although it travels as text. */
function queryParameters(query: z.ZodType): object[] {
  const object = query instanceof z.ZodPipe ? query.in : query;
  if (!(object instanceof z.ZodObject)) throw new Error('the query parameters are not an object');
  return Object.entries(object.shape as Record<string, z.ZodType>).map(([name, field]) => {
    const { description, contentMediaType, ...schema } = withoutNull(toJsonSchema(field, 'output'));
    return {
      in: 'query',
      name,
      required: !field.safeParse(undefined).success,
      ...(description === undefined ? {} : { description }),
      ...(contentMediaType === undefined
        ? { schema }
        : { content: { [String(contentMediaType)]: { schema } } }),
    };
  });
}

/** Null is the handler's value of a parameter that was left out; it cannot be sent. */
function withoutNull({ default: value, anyOf, ...schema }: JsonSchema): JsonSchema {
  const kept = value === undefined || value === null ? {} : { default: value };
  if (!Array.isArray(anyOf)) return { ...schema, ...kept };
  const branches = anyOf.filter(({ type }: JsonSchema) => type !== 'null');
  return { ...schema, ...kept, ...(branches.length === 1 ? branches[0] : { anyOf: branches }) };
}

/** The body, if the endpoint takes one; its schema becomes a component named after the operation. */
function requestBodyOf(
  route: ReflectedRoute,
  operation: Operation,
  schemas: Record<string, JsonSchema>,
): object | undefined {
  const body = route.inputs.find(({ part }) => part === 'body');
  if (!body && operation.bodyTypes === undefined) return undefined;
  let schema: JsonSchema = {};
  if (body) {
    const name = `${route.operationId.replace(/^./, (first) => first.toUpperCase())}Request`;
    schemas[name] = toJsonSchema(body.schema, 'input');
    schema = { $ref: schemaRef(name) };
  }
  const examples = Object.fromEntries(
    Object.entries(operation.requestExamples ?? {}).map(([name, value]) => [name, { value }]),
  );
  const types = operation.bodyTypes ?? ['application/json'];
  const content = (type: string) => (type === 'application/json' ? { schema, examples } : { schema: text });
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
  [UserGuard, 'session-ended'],
  [ViewerGuard, 'unauthenticated'],
  [ViewerGuard, 'operator-role-missing'],
  [ViewerGuard, 'unavailable'],
  [ViewerGuard, 'session-ended'],
  [QueueTokenGuard, 'queue-token-invalid'],
  [FanRateGuard, 'too-many-requests'],
  [RegistrationRateGuard, 'too-many-requests'],
  [RefreshRateGuard, 'too-many-requests'],
  [JoinGuard, 'too-many-requests'],
  [JoinGuard, 'verification-needed'],
  [WaitForPosition, 'read-model-behind'],
  [WaitForPosition, 'position-unknown'],
];

/** Every code an endpoint may refuse with. */
export function problemCodesOf(route: ReflectedRoute, operation: Operation): ProblemCode[] {
  const codes = new Set<ProblemCode>(operation.problems);
  for (const [guard, code] of byGuard) if (route.guards.has(guard)) codes.add(code);
  if (route.config.operatorsOnly) {
    codes.add('unauthenticated');
    codes.add('operator-role-missing');
    // The keys are read from the log.
    codes.add('unavailable');
  }
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
  // The load gate and the limits by address let essential requests and those of operators pass.
  if (route.config.load !== 'essential' && !route.config.operatorsOnly) {
    codes.add('busy');
    codes.add('too-many-requests');
  }
  codes.add('malformed-request');
  // Whether a session lives may have to be read from the log.
  const hasSession = route.guards.has(UserGuard) || route.guards.has(ViewerGuard);
  if (route.method !== 'GET' || hasSession) codes.add('unavailable');
  codes.add('log-mismatch');
  codes.add('internal');
  return [...codes];
}

const retryStatuses = new Set([409, 429, 503]);

/** The refusals as responses, by status, with an example for each code. */
function problemResponses(codes: readonly ProblemCode[]): Record<string, object> {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of codes) {
    const { status } = problemKinds[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, statusCodes]) => {
      const names: HeaderName[] = ['X-Request-Id', 'Content-Language'];
      if (retryStatuses.has(status)) names.push('Retry-After');
      if (status === 401) names.push('WWW-Authenticate');
      return [
        String(status),
        {
          description: statusCodes.map((code) => problemKinds[code].title).join('; '),
          headers: headerRefs(names),
          content: {
            [problemMediaType]: {
              schema: { $ref: schemaRef(nameOf(problemSchema)) },
              examples: Object.fromEntries(
                statusCodes.map((code) => [code, { $ref: `#/components/examples/${code}` }]),
              ),
            },
          },
        },
      ];
    }),
  );
}

/** A problem document of each code. */
function problemExamples(codes: readonly ProblemCode[]): Record<string, object> {
  return Object.fromEntries(
    codes.map((code) => {
      const errors =
        code === 'validation-failed' ? { errors: [{ field: 'name', message: 'is missing' }] } : {};
      const problem = ApiProblem.ofEnglish(code, problemKinds[code].advice, errors);
      return [
        code,
        { value: problem.toDocument('/v1/orders', '3f2c8a51-6f0e-4a39-9b61-0d7c5b8e2a10', 'en') },
      ];
    }),
  );
}
