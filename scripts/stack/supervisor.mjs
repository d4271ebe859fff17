import { answers, Member, ready, say, startTimeoutMs } from './members.mjs';

/** An office process that ends is started again, as a supervisor of a machine would; not for ever. */
const maxRestarts = 5;
const restartPauseMs = 1_000;

/** Everything the stack runs, in the order in which it was started. */
export class Supervisor {
  #members = [];
  #isStopping = false;
  #fail = () => undefined;

  /** Rejects when something ended that the stack cannot do without. */
  failed = new Promise((_, reject) => {
    this.#fail = reject;
  });

  constructor() {
    // Whoever waits for it later is told all the same.
    this.failed.catch(() => undefined);
  }

  /** Starts a server; the stack ends with it. @returns its {@link Member}. @throws when the stack is stopping. */
  startEngine(name, command) {
    return this.#start(name, command, process.env, (code) => {
      this.#fail(new Error(`${name} ended (${code}), and the stack with it`));
    });
  }

  /**
   * Starts an office process and waits until it answers at `healthUrl`; it is started again whenever it ends.
   * @throws when it does not become ready.
   */
  async startOffice(name, command, env, healthUrl) {
    let isReady = false;
    let restarts = 0;
    const start = () =>
      this.#start(name, command, env, (code) => {
        if (!isReady) return;
        if (++restarts > maxRestarts) {
          this.#fail(new Error(`${name} ended (${code}) once too often, and the stack with it`));
          return;
        }
        say(name, `ended (${code}); it is started again`);
        setTimeout(() => this.#isStopping || start(), restartPauseMs);
      });
    const member = start();
    await ready(name, () => answers(healthUrl), startTimeoutMs, member);
    isReady = true;
  }

  /** Stops those that use an engine before the engine: the later started, the earlier. Safe to call while starting. */
  async stop() {
    this.#isStopping = true;
    for (const member of this.#members.reverse()) await member.stop();
  }

  #start(name, command, env, onEnd) {
    if (this.#isStopping) throw new Error('the stack is stopping');
    const member = new Member(name, command, env, onEnd);
    this.#members.push(member);
    return member;
  }
}
