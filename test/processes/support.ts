import type { ProcessLog } from '../../src/platform/failure-log.js';
import {
  type Deadline,
  type LiveDeadlines,
  nameOf,
  type OnDue,
  type Timers,
} from '../../src/processes/timers.js';

/** A log whose lines a test can look at. */
export class RecordedLog implements ProcessLog {
  readonly lines: { level: 'info' | 'warn' | 'error'; message: string; details: object }[] = [];

  info(details: object, message: string): void {
    this.lines.push({ level: 'info', message, details });
  }
  warn(details: object, message: string): void {
    this.lines.push({ level: 'warn', message, details });
  }
  error(details: object, message: string): void {
    this.lines.push({ level: 'error', message, details });
  }
}

/** Timers that fire when the test says so. */
export class ManualTimers implements Timers {
  readonly waiting = new Map<string, Deadline>();
  #onDue: OnDue | undefined;

  async start(onDue: OnDue): Promise<void> {
    this.#onDue = onDue;
  }

  async schedule(deadlines: readonly Deadline[]): Promise<void> {
    for (const deadline of deadlines) this.waiting.set(nameOf(deadline), deadline);
  }

  async restore(live: LiveDeadlines): Promise<void> {
    for await (const page of live()) await this.schedule(page);
  }

  /** Resolves when everything they set off has ended, however it ended. */
  async fireAll(): Promise<void> {
    await Promise.allSettled([...this.waiting.values()].map((deadline) => this.#onDue?.(deadline)));
  }

  async stop(): Promise<void> {
    this.waiting.clear();
  }
}
