import type { ProblemCode } from '../../problem-kinds.js';
import type { Documented } from '../documented.js';

/** What the code cannot say about an endpoint by itself. Inputs, guards and their refusals are read from it. */
export interface Operation {
  readonly tag: 'Account' | 'Wallet' | 'Catalog' | 'Queue' | 'Booking' | 'Operators' | 'Health';
  readonly summary: string;
  readonly description?: string;
  /** A valid body, if it takes one. */
  readonly requestExamples?: Readonly<Record<string, unknown>>;
  /** Successful replies by status. */
  readonly replies: Readonly<Record<number, Reply>>;
  /** Refusals beyond those of its guards and inputs. */
  readonly problems?: readonly ProblemCode[];
  /** True: needs an Idempotency-Key. */
  readonly isIdempotent?: boolean;
  /** True: may carry Last-Event-ID. */
  readonly isResumable?: boolean;
  /** Types of a body that is taken as it comes. */
  readonly bodyTypes?: readonly string[];
}

export type Reply =
  | { readonly kind: 'json'; readonly description: string; readonly body: Documented }
  | { readonly kind: 'events'; readonly description: string; readonly example: string }
  | { readonly kind: 'text'; readonly description: string; readonly example: string }
  | { readonly kind: 'empty'; readonly description: string };

/** A JSON reply. */
export function json(description: string, body: Documented): Reply {
  return { kind: 'json', description, body };
}

/** Of reads that can show the past. */
export const pastDescription =
  '`at` (a time with its zone, or a log position) shows what was known then: everything decided at or before that time, or recorded at or before that position.';

/** Operations by method and path as the router spells it: `GET /v1/orders/:orderId`. */
export type Operations = Readonly<Record<string, Operation>>;
