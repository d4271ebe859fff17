import type { Instant } from '../events/ids.js';
import { type Rejection, type RejectionCode, rejection } from './rejection.js';

/** A decider's answer to a command: the events to append (none: already done), or the reason of the refusal. */
export type Decision<Event> =
  | { readonly kind: 'accepted'; readonly events: readonly Event[] }
  | { readonly kind: 'rejected'; readonly rejection: Rejection };

/**
 * A decision-maker over one stream: state is a fold of the stream's events, and a command either becomes
 * events or is rejected. Both functions are pure: no I/O, clock, randomness or framework.
 * (The shape is Jérémie Chassaing's functional event sourcing decider.)
 */
export interface Decider<State, Command, Event> {
  /** The state of a stream without events. */
  readonly initialState: State;
  readonly evolve: (state: State, event: Event) => State;
  /** @param now the moment of the decision: deadlines are judged against it. */
  readonly decide: (command: Command, state: State, now: Instant) => Decision<Event>;
}

/** Accepts with these events. Without any, the command has nothing left to do: a replay, or a late timer. */
export function accept<Event>(...events: readonly Event[]): Decision<Event> {
  return { kind: 'accepted', events };
}

/** Refuses; see {@link rejection}. */
export function reject(
  code: RejectionCode,
  message: string,
  details?: Rejection['details'],
): { kind: 'rejected'; rejection: Rejection } {
  return { kind: 'rejected', rejection: rejection(code, message, details) };
}

/** Proves at compile time that a switch handled every case. */
export function assertNever(value: never): never {
  throw new Error(`unhandled case ${JSON.stringify(value)}`);
}
