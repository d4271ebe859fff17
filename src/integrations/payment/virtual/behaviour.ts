import { LRUCache } from 'lru-cache';
import { z } from 'zod';

/** How the payment system treats a request that would create a payment. */
export const modeSchema = z.enum([
  'approve',
  'decline',
  'delay',
  'pending',
  'timeout-after-commit',
  'fail-before-commit',
  'duplicate-delivery',
]);
export type Mode = z.infer<typeof modeSchema>;

/** Body of `PUT /behaviour`. */
export const behaviourSchema = z.strictObject({
  mode: modeSchema,
  /** How long `delay`, `pending`, `timeout-after-commit` and `duplicate-delivery` take, also when a card asks. */
  delayMs: z.number().int().min(0).max(600_000).optional(),
  /** Requests the mode applies to before it becomes `approve` again; without it, until it is changed. */
  remaining: z.number().int().min(1).max(1_000_000).optional(),
});
export type Behaviour = z.infer<typeof behaviourSchema>;

export interface CurrentBehaviour {
  readonly mode: Mode;
  readonly delayMs: number;
  /** Null: no end. */
  readonly remaining: number | null;
}

/** What to do with one request. */
export type Plan =
  | { readonly mode: Exclude<Mode, 'decline'>; readonly delayMs: number }
  | { readonly mode: 'decline'; readonly reason: string };

type Card =
  | { readonly mode: Exclude<Mode, 'decline'> }
  | { readonly mode: 'decline'; readonly reason: string };

/** Test cards: tokens to send as `paymentMethod`. */
const cards: ReadonlyMap<string, Card> = new Map([
  ['card-approve', { mode: 'approve' }],
  ['card-decline-insufficient', { mode: 'decline', reason: 'insufficient-funds' }],
  ['card-decline-stolen', { mode: 'decline', reason: 'stolen-card' }],
  ['card-decline-expired', { mode: 'decline', reason: 'expired-card' }],
  ['card-slow', { mode: 'delay' }],
  ['card-pending', { mode: 'pending' }],
  ['card-timeout-after-commit', { mode: 'timeout-after-commit' }],
  ['card-fail-before-commit', { mode: 'fail-before-commit' }],
  ['card-duplicate', { mode: 'duplicate-delivery' }],
]);

const defaultDelayMs = 3000;

/** Keys whose first failure is remembered; a forgotten key fails once more, which a client must bear anyway. */
const rememberedKeys = 10_000;

/** The switchboard of the virtual payment system: test cards, and one mode for all `card-approve` requests. */
export class Behaviours {
  private behaviour: CurrentBehaviour;
  private readonly failedOnce = new LRUCache<string, true>({ max: rememberedKeys });

  constructor(initial: Behaviour = { mode: 'approve' }) {
    this.behaviour = this.filledIn(initial, defaultDelayMs);
  }

  get current(): CurrentBehaviour {
    return this.behaviour;
  }

  /** Replaces the mode; `delayMs` stays as it was unless given. */
  change(behaviour: Behaviour): void {
    this.behaviour = this.filledIn(behaviour, this.behaviour.delayMs);
  }

  /** Decides one request that would create a payment, and counts it against `remaining`. */
  plan(paymentMethod: string, idempotencyKey: string): Plan {
    const card = cards.get(paymentMethod);
    if (card === undefined) return { mode: 'decline', reason: 'unknown-card' };
    if (card.mode === 'decline') return card;
    const { delayMs } = this.behaviour;
    if (card.mode === 'approve') return this.planByMode();
    if (card.mode !== 'fail-before-commit') return { mode: card.mode, delayMs };
    if (this.failedOnce.has(idempotencyKey)) return { mode: 'approve', delayMs };
    this.failedOnce.set(idempotencyKey, true);
    return { mode: card.mode, delayMs };
  }

  private planByMode(): Plan {
    const { mode, delayMs, remaining } = this.behaviour;
    if (remaining !== null) {
      this.behaviour =
        remaining > 1
          ? { mode, delayMs, remaining: remaining - 1 }
          : { mode: 'approve', delayMs, remaining: null };
    }
    return mode === 'decline' ? { mode, reason: 'declined-by-issuer' } : { mode, delayMs };
  }

  private filledIn(behaviour: Behaviour, delayMs: number): CurrentBehaviour {
    return {
      mode: behaviour.mode,
      delayMs: behaviour.delayMs ?? delayMs,
      remaining: behaviour.remaining ?? null,
    };
  }
}
