import type { z } from 'zod';
import type { ProblemCode } from '../problems/problem-kinds.js';

/** What the document says of an endpoint beside its inputs, guards and their refusals, which are read from the code. */
export interface Operation {
  readonly tag: keyof typeof tags;
  readonly summary: string;
  readonly description?: string;
  /** A valid body, if it takes one. */
  readonly requestExamples?: Readonly<Record<string, unknown>>;
  /** Successful replies by status. */
  readonly replies: Readonly<Record<number, DocumentedReply>>;
  /** Headers of the successful replies, beside those of all replies. */
  readonly headers?: readonly ('X-Log-Position' | 'Location' | 'Retry-After')[];
  /** Refusals beyond those of its guards and inputs. */
  readonly problems?: readonly ProblemCode[];
  /** True: needs an Idempotency-Key. */
  readonly isIdempotent?: boolean;
  /** True: may carry Last-Event-ID. */
  readonly isResumable?: boolean;
  /** Types of a body that is taken as it comes. */
  readonly bodyTypes?: readonly string[];
}

export type DocumentedReply =
  | { readonly kind: 'json'; readonly description: string; readonly schema: z.ZodType }
  | {
      readonly kind: 'events';
      readonly description: string;
      readonly example: string;
      /** What the messages' data is, where it has a schema: ones that were given a name. */
      readonly data?: readonly z.ZodType[];
    }
  | { readonly kind: 'text'; readonly description: string; readonly example: string }
  | { readonly kind: 'empty'; readonly description: string };

/** A JSON reply. @param schema one that was given a name. */
export function json(description: string, schema: z.ZodType): DocumentedReply {
  return { kind: 'json', description, schema };
}

export const tags = {
  Account: 'Register, log in, change the password, erase the account.',
  Wallet: 'Points: charge them, see where they went.',
  Catalog: 'Venues, performances, dates and seats.',
  Queue: 'Wait for your turn; check that the queue is fair.',
  Booking: 'Hold seats, pay for them, see and cancel orders.',
  Operators: 'For those who run the office; needs the key of an operator.',
  Health: 'For orchestrators and monitoring.',
} as const;

/** Of reads that can show the past. */
export const pastDescription =
  '`at` (a time with its zone, or a log position) shows what was known then: everything decided at or before that time, or recorded at or before that position.';

/** Operations by operation id, which is the name of the handler. */
export type Operations = Readonly<Record<string, Operation>>;
