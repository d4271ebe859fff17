import fc from 'fast-check';
import { allOperations } from '../../src/api/openapi/document.js';
import type { ReflectedRoute } from '../../src/api/openapi/routes.js';

/** The documented bodies of an endpoint. */
export function exampleBodies(route: ReflectedRoute): unknown[] {
  return Object.values(allOperations[route.operationId]?.requestExamples ?? {});
}

/** A body that is almost right: one part of an example is replaced by anything. */
export function almostRightBody(route: ReflectedRoute): fc.Arbitrary<unknown> {
  const examples = exampleBodies(route);
  if (examples.length === 0) return fc.jsonValue();
  return fc
    .record({ example: fc.constantFrom(...examples), at: fc.nat(8), by: fc.jsonValue() })
    .map(({ example, at, by }) => {
      let seen = 0;
      const text = JSON.stringify(example, (key, value: unknown) =>
        key !== '' && seen++ === at ? by : value,
      );
      return JSON.parse(text);
    });
}
