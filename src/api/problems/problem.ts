import type { Language } from '../../queries/replies/reply.js';
import { type Facts, koreanTexts } from './korean.js';
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
  readonly facts?: Facts;
  /** The name of the limit that was hit, for the security log; no part of the reply. */
  readonly limit?: string;
}

/** A sentence in each language. */
export type Bilingual = Readonly<Record<Language, string>>;

/** Thrown anywhere in the API; the filter answers it as a problem document. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';

  /** @param detail a sentence for the person who reads it, saying what to do next. */
  constructor(
    readonly code: ProblemCode,
    readonly detail: Bilingual,
    readonly extras: ProblemExtras = {},
  ) {
    super(detail.en);
  }

  /** A refusal that is known in English only: its Korean is made from the code and the facts. */
  static ofEnglish(code: ProblemCode, detail: string, extras: ProblemExtras = {}): ApiProblem {
    const korean = koreanTexts[code];
    const ko = korean.detail?.(extras.facts ?? {}) ?? korean.advice;
    return new ApiProblem(code, { en: detail, ko }, extras);
  }

  get status(): number {
    return problemKinds[this.code].status;
  }

  /** The document of this problem in one request. Facts can't replace the standard members. */
  toDocument(instance: string, requestId: string, language: Language): ProblemDocument {
    const { errors, facts } = this.extras;
    return {
      ...facts,
      type: `${problemTypeBase}${this.code}`,
      title: (language === 'ko' ? koreanTexts : problemKinds)[this.code].title,
      status: this.status,
      detail: this.detail[language],
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

/** The headers of a problem document in a language. */
export function problemHeaders(language: Language) {
  return { 'Content-Type': problemMediaType, 'Content-Language': language, Vary: 'Accept-Language' };
}

/** Nothing is there. @param what in each language: `venue`, `공연장`. */
export function notFound(what: Bilingual): ApiProblem {
  return new ApiProblem('not-found', {
    en: `There is no ${what.en} of this id.`,
    ko: `이 아이디에 해당하는 ${what.ko} 정보가 없습니다.`,
  });
}
