import { randomUUID } from 'node:crypto';
import type { Actor } from '../events/event.js';
import { deriveId } from '../platform/derive-id.js';

/** A command's ids and who gave it: copied to the metadata of every event it causes. */
export interface CommandContext {
  /** Derived from the idempotency key where there is one, so that a retry is the same command. */
  readonly commandId: string;
  readonly correlationId: string;
  readonly causationId: string;
  readonly actor: Actor;
}

/** The context of work that one of our processes starts by itself. */
export function processContext(name: Extract<Actor, { kind: 'process' }>['name']): CommandContext {
  const id = randomUUID();
  return { commandId: id, correlationId: id, causationId: id, actor: { kind: 'process', name } };
}

/** The context of one step inside a command: ids of its own, caused by the command. */
export function stepContext(context: CommandContext, ...step: readonly string[]): CommandContext {
  return { ...context, commandId: deriveId(context.commandId, ...step), causationId: context.commandId };
}
