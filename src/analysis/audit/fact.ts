import type { Instant } from '../../events/ids.js';
import type { DomainEvent, EventType } from '../../events/registry.js';
import type { EventRef } from './report.js';

/** A verified event of the log, at its latest version. */
export type Fact<T extends EventType = EventType> = Extract<DomainEvent, { type: T }> & {
  /** The decider's clock when it was decided. */
  readonly at: Instant;
  readonly ref: EventRef;
};

/** What a group of checks does with each event type it cares about. */
export type Handlers = { readonly [T in EventType]?: (fact: Fact<T>) => void };

/** Checks that belong together and the little state they need of each thing they watch. */
export interface CheckGroup {
  readonly on: Handlers;
  /** Judges what should have ended by now. */
  finish?(now: Instant): void;
}

/** Bounds and tolerances of an audit, in milliseconds. */
export interface AuditOptions {
  /** How long after its deadline a hold may stay unended: covers the sweeper's interval and a restart. */
  readonly holdOverdueMs: number;
  /** How long an order, a charge or an import may take to end. */
  readonly settleMs: number;
  /** How far an event's time may lie behind the moment it was decided: pauses of the process. */
  readonly clockToleranceMs: number;
}

export const defaultAuditOptions: AuditOptions = {
  holdOverdueMs: 60_000,
  settleMs: 60_000,
  clockToleranceMs: 1_000,
};

/** Hands a fact to the group's handler of its type. */
export function dispatch(group: CheckGroup, fact: Fact): void {
  // The table is keyed by the fact's own type, which TypeScript can't follow through a union.
  const handler = group.on[fact.type] as ((fact: Fact) => void) | undefined;
  handler?.(fact);
}
