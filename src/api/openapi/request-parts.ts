import { z } from 'zod';
import { QueueTokenGuard } from '../guards/queue-token-guard.js';
import { UserGuard } from '../guards/user-guard.js';
import { ViewerGuard } from '../guards/viewer-guard.js';
import { WaitForPosition } from '../read-position.js';
import type { Operation } from './operations/operation.js';
import type { ReflectedRoute } from './reflect-routes.js';

export type JsonSchema = Record<string, unknown>;

/** A zod schema as JSON Schema 2020-12, which OpenAPI 3.1 uses. */
export function toJsonSchema(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return json;
}

/** Path, query and header parameters. */
export function parametersOf(route: ReflectedRoute, operation: Operation): object[] {
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
export function requestBodyOf(route: ReflectedRoute, operation: Operation): object | undefined {
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
export function securityOf(route: ReflectedRoute): Record<string, string[]>[] {
  if (route.config.operatorsOnly) return [{ operatorKey: [] }];
  if (route.guards.has(QueueTokenGuard)) return [{ accessToken: [], queueToken: [] }];
  if (route.guards.has(ViewerGuard)) return [{ accessToken: [] }, { operatorKey: [] }];
  return route.guards.has(UserGuard) ? [{ accessToken: [] }] : [];
}
