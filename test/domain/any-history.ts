import fc from 'fast-check';
import type { Decider } from '../../src/domain/decider.js';
import type { EventMetadata } from '../../src/events/event.js';
import type { Instant } from '../../src/events/ids.js';
import { type DomainEvent, decodeEvent, encodeEvent } from '../../src/events/registry.js';
import { deriveId } from '../../src/platform/derive-id.js';
import { at } from './given.js';

export interface Step<Command> {
  readonly command: Command;
  readonly now: Instant;
}

/** What must hold after a command: the states around it, and what it wrote. */
export type Invariant<State, Command, Event> = (
  step: Step<Command>,
  before: State,
  after: State,
  written: readonly Event[],
) => void;

/** Sequences tried for each property. */
const numRuns = fc.readConfigureGlobal().numRuns ?? 200;

/** A decider under every history that any commands can write, so that its invariants can be tried on all of them. */
export function anyHistory<State, Command, Event extends DomainEvent>(
  decider: Decider<State, Command, Event>,
  commands: fc.Arbitrary<Command>,
) {
  /** Runs any sequence of commands. @returns the last state, and every event in order. */
  const run = (steps: readonly Step<Command>[], invariant: Invariant<State, Command, Event>) => {
    const log: Event[] = [];
    let state = decider.initialState;
    for (const step of steps) {
      const decision = decider.decide(step.command, state, step.now);
      const written = decision.kind === 'accepted' ? decision.events : [];
      const after = written.reduce(decider.evolve, state);
      invariant(step, state, after, written);
      log.push(...written);
      state = after;
    }
    return { state, log };
  };
  const forAnySequence = (check: (steps: readonly Step<Command>[]) => void) =>
    fc.assert(fc.property(sequences(commands), check), { numRuns, seed: 42 });

  return {
    /** Checks an invariant after every command. */
    always: (invariant: Invariant<State, Command, Event>) =>
      forAnySequence((steps) => {
        run(steps, invariant);
      }),

    /** A repeated command never has a second effect: it writes nothing or it is refused. */
    repeatsWriteNothing: () =>
      forAnySequence((steps) => {
        run(steps, ({ command, now }, _, after) => {
          const again = decider.decide(command, after, now);
          if (again.kind === 'accepted') expect(again.events).toEqual([]);
        });
      }),

    /** What is decided fits the events' schemas, and the state is a fold of exactly what those let through. */
    statesAreFoldsOfTheLog: () =>
      forAnySequence((steps) => {
        const { state, log } = run(steps, () => {});
        expect(log.map(throughTheLog).reduce(decider.evolve, decider.initialState)).toEqual(state);
      }),
  };
}

/** Any commands at moments that never go back. */
function sequences<Command>(commands: fc.Arbitrary<Command>): fc.Arbitrary<Step<Command>[]> {
  return fc.array(fc.tuple(commands, fc.nat({ max: 400 })), { maxLength: 40 }).map((steps) => {
    let ms = 0;
    return steps.map(([command, pause]) => {
      ms += pause;
      return { command, now: at(ms) };
    });
  });
}

const metadata: Omit<EventMetadata, 'schemaVersion'> = {
  commandId: deriveId('test', 'any history'),
  correlationId: 'any history',
  causationId: 'any history',
  actor: { kind: 'anonymous' },
  occurredAt: at(0),
};

function throughTheLog<Event extends DomainEvent>(event: Event): Event {
  const read = decodeEvent(JSON.parse(JSON.stringify(encodeEvent(event, metadata))));
  return read as Event; // of the same type: decoding keeps it
}
