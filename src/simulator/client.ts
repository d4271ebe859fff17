import type { Command } from '@nestjs/cqrs';
import { ImportRefused } from '../commands/catalog/check-import.js';
import type { CommandContext } from '../commands/command-context.js';
import { Rejected, type Rejection, type RejectionCode } from '../domain/rejection.js';
import type { Actor } from '../events/event.js';
import type { Office } from './office.js';
import type { Random } from './random.js';
import { theWorld } from './scheduler.js';
import { isOutage, type Looked, type SimulatedProcess } from './simulated-process.js';
import type { World } from './world.js';

export type Reply<Result> =
  | { readonly kind: 'done'; readonly result: Result }
  | Refused
  | { readonly kind: 'unknown' };

interface Refused {
  readonly kind: 'refused';
  readonly code: RejectionCode | 'import-refused';
  readonly details: Rejection['details'];
  /** No other attempt at the same command can have succeeded. */
  readonly isCertain: boolean;
}

/** How long a client waits for a reply, ms. */
const clientTimeoutMs = 6_000;
const maxAttempts = 3;

/** Sends commands over a network that loses, delays and repeats requests and replies. */
export class Client {
  readonly #chance: Random;

  constructor(
    private readonly world: World,
    private readonly office: Office,
  ) {
    this.#chance = world.random('clients');
  }

  /** The context of a new command. */
  context(actor: Actor): CommandContext {
    const id = this.#chance.uuid();
    return { commandId: id, correlationId: id, causationId: id, actor };
  }

  /**
   * Sends a command and repeats it while its outcome is unknown, as a client with an idempotency key does.
   * @param label names the command in the trace.
   */
  async send<Result>(label: string, command: Command<Result>): Promise<Reply<Result>> {
    const { world } = this;
    let isCertain = true;
    for (let attempt = 1; ; attempt++) {
      const { reply, isAlone } = await this.#attempt(label, command);
      isCertain &&= isAlone;
      world.trace(() => `client: ${label} → ${describeReply(reply)}`);
      if (reply.kind === 'refused') world.saw(`refused: ${reply.code}`);
      if (reply.kind === 'refused') return { ...reply, isCertain };
      if (reply.kind === 'done') return reply;
      isCertain = false;
      if (attempt >= maxAttempts || !this.#chance.chance(0.8)) return reply;
      await world.later(theWorld, this.#chance.between(0, 1_500), () => undefined);
    }
  }

  /** Looks at what a process has in memory. It fails only as the tables do. */
  async look(looked: Looked): Promise<void> {
    try {
      await this.#chance.pick(this.office.serving)?.look(looked);
    } catch (error) {
      if (!isOutage(error)) throw error;
    }
  }

  #attempt<Result>(label: string, command: Command<Result>) {
    const { world } = this;
    const process = this.#chance.pick(this.office.serving);
    return new Promise<{ reply: Reply<Result>; isAlone: boolean }>((resolve) => {
      const other = world.strikes('request-doubled', 0.02, label)
        ? this.#chance.pick(this.office.serving)
        : undefined;
      const isAlone = other === undefined;
      const giveUp = () => resolve({ reply: { kind: 'unknown' }, isAlone });
      const cancel = world.scheduler.after(clientTimeoutMs, giveUp, theWorld);
      if (!process || world.strikes('request-lost', 0.01, label)) return;
      world.trace(() => `client: ${label} to ${process.name}`);
      this.#deliver(process, command, label, (reply) => {
        if (world.strikes('reply-lost', 0.02, label)) return;
        cancel();
        resolve({ reply, isAlone });
      });
      if (other) this.#deliver(other, command, label, () => undefined);
    });
  }

  #deliver<Result>(
    process: SimulatedProcess,
    command: Command<Result>,
    label: string,
    answer: (reply: Reply<Result>) => void,
  ): void {
    const { world } = this;
    const reply = (value: Reply<Result>) =>
      world.scheduler.after(world.delayMs(), () => answer(value), theWorld);
    const run = () => {
      process.execute(command).then(
        (result) => reply({ kind: 'done', result }),
        (error: unknown) => {
          if (error instanceof Rejected) {
            const { code, details } = error.rejection;
            return reply({ kind: 'refused', code, details, isCertain: true });
          }
          if (error instanceof ImportRefused) {
            return reply({ kind: 'refused', code: 'import-refused', details: undefined, isCertain: true });
          }
          if (!isOutage(error)) {
            const stack = error instanceof Error ? error.stack : undefined;
            world.find('unexpected-error', `${label}: ${stack ?? String(error)}`);
          }
          return reply({ kind: 'unknown' });
        },
      );
    };
    world.scheduler.after(world.delayMs(), run, process.life);
  }
}

function describeReply(reply: Reply<unknown>): string {
  return reply.kind === 'refused' ? `refused: ${reply.code}` : reply.kind;
}
