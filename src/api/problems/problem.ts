import { type ProblemCode, problemKinds, problemTypeBase } from './problem-kinds.js';

export const problemMediaType = 'application/problem+json';

/** One field that was refused. */
export interface FieldError {
  /** As a program writes it: `seatIds[0]`; empty for the whole input. */
  readonly field: string;
  readonly message: string;
}

/** An RFC 9457 problem document. */
interface ProblemDocument {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  /** What to do next. */
  readonly detail: string;
  readonly code: ProblemCode;
  /** The request's path. */
  readonly instance: string;
  readonly requestId: string;
  readonly errors?: readonly FieldError[];
  /** Facts of this occurrence: ids, amounts, moments. */
  readonly [fact: string]: unknown;
}

interface ProblemExtras {
  readonly headers?: Readonly<Record<string, string>>;
  readonly errors?: readonly FieldError[];
  readonly facts?: Readonly<Record<string, unknown>>;
}

/** Thrown anywhere in the API; the filter answers it as a problem document. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';

  /** @param detail a sentence for the person who reads it, saying what to do next. */
  constructor(
    readonly code: ProblemCode,
    readonly detail: string,
    readonly extras: ProblemExtras = {},
  ) {
    super(detail);
  }

  get status(): number {
    return problemKinds[this.code].status;
  }

  /** The document of this problem in one request. Facts can't replace the standard members. */
  toDocument(instance: string, requestId: string): ProblemDocument {
    const { errors, facts } = this.extras;
    return {
      ...facts,
      type: `${problemTypeBase}${this.code}`,
      title: problemKinds[this.code].title,
      status: this.status,
      detail: this.detail,
      code: this.code,
      instance,
      requestId,
      ...(errors === undefined ? {} : { errors }),
    };
  }
}

/** Seconds to wait before trying again, as the header wants them. */
export function retryAfter(seconds: number): { 'Retry-After': string } {
  return { 'Retry-After': String(Math.max(1, Math.ceil(seconds))) };
}

/** Nothing is there. @param what with its article: "a venue". */
export function notFound(what: string): ApiProblem {
  return new ApiProblem('not-found', `There is no ${what} of this id.`);
}
