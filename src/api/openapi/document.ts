import type { OpenAPIObject } from '@nestjs/swagger';
import { z } from 'zod';
import { allControllers } from '../controllers/all-controllers.js';
import { problemKinds } from '../problem-kinds.js';
import type { Documented } from './documented.js';
import { accountOperations } from './operations/account.js';
import { bookingOperations } from './operations/booking.js';
import { catalogOperations } from './operations/catalog.js';
import { historyOperations } from './operations/history.js';
import type { Operation, Operations, Reply } from './operations/operation.js';
import { projectionOperations } from './operations/projections.js';
import { systemOperations } from './operations/system.js';
import { problemCodesOf, problemResponses } from './problem-responses.js';
import { type ReflectedRoute, reflectRoutes } from './reflect-routes.js';
import { parametersOf, requestBodyOf, securityOf, toJsonSchema } from './request-parts.js';

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
