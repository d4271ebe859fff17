import fc from 'fast-check';
import { allControllers } from '../../src/api/api.module.js';
import { reflectRoutes } from '../../src/api/openapi/routes.js';
import { ApiProblem } from '../../src/api/problems/problem.js';
import { check, type ValidatedInput } from '../../src/api/validation.js';
import { almostRightBody, exampleBodies } from './almost-right.js';

const inputs = (part: ValidatedInput['part']) =>
  reflectRoutes(allControllers).flatMap((route) =>
    route.inputs
      .filter((input) => input.part === part)
      .map((input) => ({ endpoint: `${route.method} ${route.path}`, route, ...input })),
  );

/** What a schema makes of an input: the accepted value, or the problem that answers it. */
function outcome(input: ValidatedInput, value: unknown): { accepted: unknown } | { problem: ApiProblem } {
  try {
    return { accepted: check(input.schema, value, input.name) };
  } catch (problem) {
    if (problem instanceof ApiProblem) return { problem };
    throw problem;
  }
}

/** A 400 that says of each wrong field what is wrong. @param names what a field's path may begin with. */
function expectNamed(problem: ApiProblem, names: readonly string[]) {
  expect([problem.status, problem.code]).toEqual([400, 'validation-failed']);
  const errors = problem.extras.errors ?? [];
  expect(errors).not.toHaveLength(0);
  for (const { field, message } of errors) {
    const isNamed = names.some((name) => field === name || /^[.[]/.test(after(name, field)));
    expect({ field, isNamed }).toEqual({ field, isNamed: true });
    expect(message).not.toBe('');
  }
}

const after = (start: string, text: string) => (text.startsWith(start) ? text.slice(start.length) : '');
const keysOf = (value: unknown) => (typeof value === 'object' && value !== null ? Object.keys(value) : []);
const text = fc.oneof(fc.string({ maxLength: 30 }), fc.string({ unit: 'binary', maxLength: 10 }));

describe('whatever JSON is sent', () => {
  it.each(inputs('body'))('$endpoint takes it as it will read it again, or names the fields', (input) => {
    const documented = exampleBodies(input.route);
    for (const example of documented) expect(outcome(input, example)).toHaveProperty('accepted');
    const bodies = fc.oneof({ weight: 4, arbitrary: almostRightBody(input.route) }, fc.jsonValue());
    fc.assert(
      fc.property(bodies, (body) => {
        const result = outcome(input, body);
        if ('problem' in result) {
          const isObject = typeof body === 'object' && body !== null && !Array.isArray(body);
          expectNamed(result.problem, isObject ? [...keysOf(body), ...documented.flatMap(keysOf)] : ['']);
          return;
        }
        const again = outcome(input, JSON.parse(JSON.stringify(result.accepted)));
        expect(again).toEqual(result);
      }),
    );
  });
});

describe('whatever stands in a path or after the question mark', () => {
  it.each(inputs('param'))('$endpoint takes $name as it stands, or names it', (input) => {
    fc.assert(
      fc.property(fc.oneof(text, fc.uuid()), (value) => {
        const result = outcome(input, value);
        if ('problem' in result) expectNamed(result.problem, [input.name]);
        else expect(outcome(input, String(result.accepted))).toEqual(result);
      }),
      { numRuns: 20 },
    );
  });

  it.each(inputs('query'))('$endpoint takes it, or names the parameters', (input) => {
    const known = keysOf('shape' in input.schema ? input.schema.shape : {});
    const values = fc.oneof(text, fc.array(text, { maxLength: 2 }), fc.nat().map(String));
    const query = fc.dictionary(fc.oneof(fc.constantFrom('x', ...known), text), values, { maxKeys: 3 });
    fc.assert(
      fc.property(query, (value) => {
        const result = outcome(input, value);
        if ('problem' in result) expectNamed(result.problem, [...keysOf(value), ...known]);
      }),
      { numRuns: 30 },
    );
  });
});
