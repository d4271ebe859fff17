import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { allControllers } from '../../src/api/api.module.js';
import { allOperations, openApiDocument } from '../../src/api/openapi/document.js';
import { reflectRoutes } from '../../src/api/openapi/routes.js';
import { apiCodes, problemKinds } from '../../src/api/problems/problem-kinds.js';
import { rejectionCodes } from '../../src/domain/rejection.js';
import { exampleOf } from '../../src/queries/replies/reply.js';
import { type ApiUnderTest, startApi } from './api-under-test.js';

const document = openApiDocument();
const routes = reflectRoutes(allControllers);

describe('the API document', () => {
  let api: ApiUnderTest;
  beforeAll(async () => {
    api = await startApi();
  });
  afterAll(() => api.app.close());

  it('describes every endpoint the server answers', () => {
    const fastify: FastifyInstance = api.app.getHttpAdapter().getInstance();
    const described = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path.replace(/\{\w+\}/g, 'x')}`),
    );
    expect(described).toHaveLength(routes.length);
    for (const endpoint of described) {
      const [method, path] = endpoint.split(' ');
      expect(fastify.methodsOf(path ?? '')).toContain(method);
    }
  });

  it('is served for people and for tools', async () => {
    const page = await api.app.inject('/docs');
    expect(page.headers['content-type']).toContain('text/html');
    const json = await api.app.inject('/docs/json');
    expect(json.json()).toMatchObject({ openapi: '3.1.0' });
    expect(Object.keys(json.json().paths)).toEqual(Object.keys(document.paths));
  });

  it('has a page that problem types point to', async () => {
    const page = await api.app.inject('/docs/problems');
    for (const code of Object.keys(problemKinds)) expect(page.body).toContain(`<tr id="${code}">`);
  });

  it('resolves all its references', () => {
    const names = Object.keys(document.components?.schemas ?? {});
    const references = JSON.stringify(document.paths).matchAll(/#\/components\/schemas\/(\w+)/g);
    for (const [, name] of references) expect(names).toContain(name);
  });

  it('has unique operation ids', () => {
    const ids = [...JSON.stringify(document.paths).matchAll(/"operationId":"(\w+)"/g)].map(([, id]) => id);
    expect(ids).toHaveLength(routes.length);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('asks for an idempotency key exactly where one is needed', () => {
    const needing = Object.entries(allOperations).filter(([, operation]) => operation.isIdempotent);
    expect(needing.map(([endpoint]) => endpoint).sort()).toEqual([
      'chargePoints',
      'holdSeats',
      'payForSeats',
    ]);
  });
});

describe('examples', () => {
  const replies = Object.entries(allOperations).flatMap(([endpoint, { replies }]) =>
    Object.entries(replies).flatMap(([status, reply]) =>
      reply.kind === 'json'
        ? [{ endpoint, status, schema: reply.schema, example: exampleOf(reply.schema) }]
        : [],
    ),
  );

  it.each(replies)('$endpoint → $status fits its schema', ({ schema, example }) => {
    expect(schema.parse(example)).toEqual(example);
  });

  const bodies = routes.flatMap((route) => {
    const endpoint = `${route.method} ${route.path}`;
    const input = route.inputs.find(({ part }) => part === 'body');
    return input
      ? [{ endpoint, schema: input.schema, examples: allOperations[route.operationId]?.requestExamples }]
      : [];
  });

  it.each(bodies)('$endpoint has bodies its validation accepts', ({ schema, examples }) => {
    expect(Object.keys(examples ?? {}).length).toBeGreaterThan(0);
    for (const example of Object.values(examples ?? {})) expect(schema.parse(example)).toEqual(example);
  });
});

describe('problem codes', () => {
  it('are those of refused commands and the API’s own', () => {
    expect(Object.keys(problemKinds).sort()).toEqual([...rejectionCodes, ...apiCodes].sort());
  });

  it('are all in docs/problems.md with status, title and advice', () => {
    const text = readFileSync(join(__dirname, '../../docs/problems.md'), 'utf8');
    const rows = text.split('\n').filter((line) => line.startsWith('| `'));
    const expected = Object.entries(problemKinds).map(
      ([code, { status, title, advice }]) => `| \`${code}\` | ${status} | ${title} | ${advice} |`,
    );
    expect(rows).toEqual(expected);
  });
});
