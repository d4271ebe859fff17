import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { ApiProblem, type FieldError } from './problems/problem.js';

/** Characters of an unknown field's name that are sent back. */
const maxEchoedKey = 100;
/** Most refused fields that are named in one reply. */
const maxFieldErrors = 20;

type Issue = z.core.$ZodIssue;

/** A part of a request and the schema it is validated against; the OpenAPI document is made from it too. */
export interface ValidatedInput {
  readonly part: 'body' | 'query' | 'param';
  /** Of the parameter; empty for the body and the query. */
  readonly name: string;
  readonly schema: z.ZodType;
}

// Synchronous, unlike a pipe, which costs each argument of a handler a promise: measured in docs/dependencies.md.
const validInput = createParamDecorator((input: ValidatedInput, context: ExecutionContext) => {
  const request = context.switchToHttp().getRequest<FastifyRequest>();
  switch (input.part) {
    case 'body':
      return check(input.schema, request.body);
    case 'query':
      return check(input.schema, request.query);
    case 'param': {
      const params = request.params as Record<string, unknown>; // Fastify's params are always an object
      return check(input.schema, params[input.name], input.name);
    }
  }
});

/** The body, checked against a schema. */
export function ValidBody(schema: z.ZodType): ParameterDecorator {
  return validInput({ part: 'body', name: '', schema } satisfies ValidatedInput);
}

/** The query parameters, checked against a schema. */
export function ValidQuery(schema: z.ZodType): ParameterDecorator {
  return validInput({ part: 'query', name: '', schema } satisfies ValidatedInput);
}

/** One path parameter, checked against a schema. */
export function ValidParam(name: string, schema: z.ZodType): ParameterDecorator {
  return validInput({ part: 'param', name, schema } satisfies ValidatedInput);
}

/**
 * The value a schema makes of an input.
 * @param name what the input is called when the whole of it is refused.
 * @throws {ApiProblem} validation-failed, naming each field
 */
export function check<Schema extends z.ZodType>(schema: Schema, input: unknown, name = ''): z.infer<Schema> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const errors = fieldErrors(result.error.issues, name).slice(0, maxFieldErrors);
  const fields = errors.map(({ field }) => field || 'the body').join(', ');
  const detail = {
    en: `Correct ${fields} and send the request again.`,
    ko: `다음 항목을 고친 뒤 다시 요청해 주세요: ${fields.replace('the body', '본문')}.`,
  };
  throw new ApiProblem('validation-failed', detail, { errors });
}

/** Each refused field and why, in words. */
function fieldErrors(issues: readonly Issue[], prefix: string): FieldError[] {
  return issues.flatMap((issue) => {
    const field = pathText(prefix, issue.path);
    switch (issue.code) {
      case 'unrecognized_keys':
        return issue.keys.map((key) => ({
          field: pathText(field, [key.slice(0, maxEchoedKey)]),
          message: 'is not a known field',
        }));
      case 'invalid_union':
        return closest(issue.errors).flatMap((branch) => fieldErrors(branch, field));
      case 'invalid_type':
        return [{ field, message: issue.message.replace('received undefined', 'but it is missing') }];
      default:
        return [{ field, message: issue.message }];
    }
  });
}

/** The branches of a union with the fewest issues: those of the others would only confuse. */
function closest(branches: readonly Issue[][]): Issue[][] {
  const fewest = Math.min(...branches.map((branch) => branch.length));
  return branches.filter((branch) => branch.length === fewest);
}

function pathText(prefix: string, path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    return text === '' ? String(key) : `${text}.${String(key)}`;
  }, prefix);
}
