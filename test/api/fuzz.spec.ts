import { toUSVString } from 'node:util';
import fc from 'fast-check';
import type { InjectOptions } from 'fastify';
import { allControllers } from '../../src/api/api.module.js';
import { reflectRoutes } from '../../src/api/openapi/routes.js';
import { refuse } from '../../src/domain/rejection.js';
import { bySize } from '../services/test-size.js';
import { almostRightBody } from './almost-right.js';
import {
  type ApiUnderTest,
  adminKey,
  noRateLimits,
  performanceId,
  scheduleId,
  startApi,
} from './api-under-test.js';

let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApi({
    settings: { rateLimits: noRateLimits },
  });
  api.commands.handler = () => {
    throw refuse('seat-held', 'Whatever was asked, it is refused.');
  };
});
afterAll(() => api.app.close());

// A stream that opens does not end, so its inputs are tried in live.spec.ts.
const routes = reflectRoutes(allControllers).filter(({ path }) => !path.endsWith('/queue-token/events'));

const text = fc.oneof(fc.string({ maxLength: 30 }), fc.string({ unit: 'binary', maxLength: 10 }));
const id = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(performanceId, scheduleId) },
  { weight: 1, arbitrary: text },
);
const queryNames = [
  'limit',
  'cursor',
  'search',
  'from',
  'to',
  'section',
  'status',
  'after',
  'format',
  'only',
  'sales',
];
const query = fc.array(fc.tuple(fc.oneof(fc.constantFrom(...queryNames), text), text), { maxLength: 3 });
const raw = fc.oneof(text, fc.uint8Array({ maxLength: 40 }));
const contentType = fc.constantFrom('application/json', 'text/plain', 'application/xml', 'image/png', '');

const request = fc.constantFrom(...routes).chain((route) =>
  fc
    .record({
      ids: fc.array(id, { minLength: 2, maxLength: 2 }),
      query,
      contentType,
      body: fc.oneof(
        { weight: 3, arbitrary: almostRightBody(route).map((value) => JSON.stringify(value)) },
        { weight: 1, arbitrary: raw },
      ),
      header: text,
      waits: fc.boolean(),
    })
    .map(({ ids, query, contentType, body, header, waits }): InjectOptions => {
      let next = 0;
      const path = route.path.replace(/:\w+/g, () => encodeURIComponent(toUSVString(ids[next++] ?? '')));
      const search = query.map(([name, value]): [string, string] => [toUSVString(name), toUSVString(value)]);
      const authorization = route.config.operatorsOnly ? { authorization: `Bearer ${adminKey}` } : {};
      const printable = header.replace(/[^\x20-\x7e]/g, '');
      return {
        method: route.method as 'GET' | 'POST' | 'DELETE', // the only ones our controllers declare
        url: `${path}?${new URLSearchParams(search)}`,
        headers: {
          ...api.fanHeaders(),
          ...authorization,
          ...(contentType === '' ? {} : { 'content-type': contentType }),
          ...(waits ? { 'x-wait-for-position': printable } : {}),
          'idempotency-key': `${printable}${next}`,
          'accept-language': printable,
        },
        ...(route.method === 'GET' ? {} : { payload: typeof body === 'string' ? body : Buffer.from(body) }),
      };
    }),
);

describe('whatever is sent to any endpoint', () => {
  it('is answered, and never by a failure of ours', async () => {
    await fc.assert(
      fc.asyncProperty(request, async (options) => {
        const reply = await api.app.inject(options);
        expect(reply.statusCode).toBeLessThan(500);
        if (reply.statusCode >= 400) expect(reply.json()).toMatchObject({ status: reply.statusCode });
      }),
      { numRuns: bySize(300, 1_000) },
    );
  });
});
