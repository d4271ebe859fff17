import type { Access, AccessSettings } from './access.js';
import type { AppendFault, Faults } from './faults.js';
import type { Log, ProposedEvent, WriteOutcome } from './log.js';

export interface ServerSettings extends AccessSettings {
  /** Bytes one append may take; EventStoreDB's own default is 1 MiB. */
  readonly maxAppendSize: number;
  /** Whether the server offers BatchAppend (21.10 and later do). */
  readonly hasBatchAppend: boolean;
  /** Version the server says it is, and behaves like: see `versions.ts`. */
  readonly version: string;
}

/** The state that all calls of one server share. */
export interface ServerContext {
  readonly log: Log;
  readonly faults: Faults;
  readonly access: Access;
  readonly settings: ServerSettings;
  /** Names of the calls made, in order. */
  readonly calls: string[];
  /**
   * Open calls that read, how many events all subscriptions have sent, and how many events filtered reads of $all have
   * looked at.
   */
  readonly reading: {
    reads: number;
    subscriptions: number;
    subscribedEvents: number;
    searchedEvents: number;
  };
  /** Dies at once, answering nothing more. */
  readonly die: () => void;
  /** Whether it has died. */
  isDead(): boolean;
  /** Where the leader is, as a node that is not it would say. */
  readonly address: () => { readonly host: string; readonly port: number };
}

/** The outcome of an append: an answer, no answer, or a failure to simulate. */
export type Commit =
  | { readonly kind: 'answer'; readonly outcome: WriteOutcome }
  | { readonly kind: 'silence' }
  | { readonly kind: 'fault'; readonly fault: AppendFault };

const writesFirst: ReadonlySet<AppendFault> = new Set([
  'commit-then-hang',
  'commit-then-kill',
  'commit-then-disconnect',
  'commit-then-timeout',
]);

/** Writes an append unless a fault is planned for it. */
export async function commit(
  context: ServerContext,
  stream: string,
  expected: number,
  events: readonly ProposedEvent[],
): Promise<Commit> {
  const fault = context.faults.forNextAppend();
  if (context.faults.appendDelayMs > 0) {
    await new Promise((resolve) => setTimeout(resolve, context.faults.appendDelayMs));
  }
  if (context.isDead()) return { kind: 'silence' };
  if (fault === undefined) return { kind: 'answer', outcome: context.log.append(stream, expected, events) };
  if (writesFirst.has(fault)) context.log.append(stream, expected, events);
  switch (fault) {
    case 'kill':
    case 'commit-then-kill':
      context.die();
      return { kind: 'silence' };
    case 'hang':
    case 'commit-then-hang':
      return { kind: 'silence' };
    default:
      return { kind: 'fault', fault };
  }
}
