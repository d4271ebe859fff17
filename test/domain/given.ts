import type { Decider } from '../../src/domain/decider.js';
import type { Rejection } from '../../src/domain/rejection.js';
import { type Instant, toInstant } from '../../src/events/ids.js';
import { deriveId } from '../../src/platform/derive-id.js';

/** What a command came to: the events it decided, or the code it was refused with. */
export type Result<Event> = readonly Event[] | string;

/** A history of events, and a decider's answer to a command after it; a refusal must be a whole sentence. */
export function given<State, Command, Event>(
  decider: Decider<State, Command, Event>,
  history: readonly Event[] = [],
) {
  const state = history.reduce(decider.evolve, decider.initialState);
  const decide = (command: Command, now: Instant) => {
    const decision = decider.decide(command, state, now);
    if (decision.kind === 'rejected') expect(decision.rejection.message).toMatch(/^[A-Z].+\.$/);
    return decision;
  };
  return {
    state,
    when(command: Command, now: Instant = at(0)): Result<Event> {
      const decision = decide(command, now);
      return decision.kind === 'accepted' ? decision.events : decision.rejection.code;
    },
    /** The facts that a refusal carries for programs. */
    factsOf(command: Command, now: Instant = at(0)): Rejection['details'] {
      const decision = decide(command, now);
      return decision.kind === 'rejected' ? decision.rejection.details : undefined;
    },
  };
}

/** The history that a list of commands at given moments writes; refused commands write nothing. */
export function historyOf<State, Command, Event>(
  decider: Decider<State, Command, Event>,
  commands: readonly { readonly command: Command; readonly now: Instant }[],
): { readonly state: State; readonly events: readonly Event[] } {
  let state = decider.initialState;
  const events: Event[] = [];
  for (const { command, now } of commands) {
    const decision = decider.decide(command, state, now);
    if (decision.kind === 'rejected') continue;
    state = decision.events.reduce(decider.evolve, state);
    events.push(...decision.events);
  }
  return { state, events };
}

/** The moment `ms` milliseconds after an arbitrary start. */
export function at(ms: number): Instant {
  return toInstant(Date.UTC(2026, 10, 22, 9) + ms);
}

/** A stable id for a name, minted by the schema of its kind. */
export function named<Id>(schema: { parse(text: string): Id }, name: string): Id {
  return schema.parse(deriveId('test', name));
}
