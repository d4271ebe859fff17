import type { Terminal } from '../terminal.js';
import { stages, type Tally } from './tally.js';

const interactiveMs = 250;
const plainMs = 1_000;

/** Shows how far the fans are: redrawn in place for a person, a line a second for a file. */
export class Progress {
  #timer: NodeJS.Timeout | undefined;
  #lines = 0;
  #lastRequests = 0;
  #lastAtMs = Date.now();
  #rate = 0;
  readonly #startedAtMs = Date.now();

  constructor(
    private readonly terminal: Terminal,
    private readonly tally: Tally,
    private readonly fans: number,
  ) {}

  start(): void {
    const intervalMs = this.terminal.isInteractive ? interactiveMs : plainMs;
    this.#timer = setInterval(() => this.#draw(), intervalMs);
  }

  /** Draws once more and stops. */
  stop(): void {
    clearInterval(this.#timer);
    this.#draw();
  }

  /** A line that stays, above what is redrawn. */
  note(text: string): void {
    this.#erase();
    this.terminal.err(`${text}\n`);
  }

  #draw(): void {
    this.#measure();
    if (!this.terminal.isInteractive) {
      this.terminal.err(`${this.#seconds()} s: ${this.#counts()}; ${this.#sales()}\n`);
      return;
    }
    this.#erase();
    const done = this.tally.stages.get('done') ?? 0;
    const width = 40;
    const filled = Math.round((width * done) / Math.max(1, this.fans));
    const lines = [
      `[${'#'.repeat(filled)}${'.'.repeat(width - filled)}] ${done} of ${this.fans} fans, ${this.#seconds()} s`,
      this.#counts(),
      `${this.#sales()}, ${this.#rate} requests/s`,
    ];
    this.terminal.err(lines.map((line) => `${line}\n`).join(''));
    this.#lines = lines.length;
  }

  /** Requests a second since the last look. */
  #measure(): void {
    const nowMs = Date.now();
    const elapsedMs = nowMs - this.#lastAtMs;
    if (elapsedMs < plainMs) return;
    this.#rate = Math.round(((this.tally.requests - this.#lastRequests) * 1000) / elapsedMs);
    this.#lastRequests = this.tally.requests;
    this.#lastAtMs = nowMs;
  }

  /** ANSI: up to the first of our lines, then clear to the end of the screen. */
  #erase(): void {
    if (this.#lines > 0) this.terminal.err(`\u001b[${this.#lines}A\u001b[J`);
    this.#lines = 0;
  }

  #counts(): string {
    return stages.map((stage) => `${this.tally.stages.get(stage) ?? 0} ${stage}`).join(', ');
  }

  #sales(): string {
    return `${this.tally.seatsSold} seats sold, ${this.tally.conflicts} conflicts refused`;
  }

  #seconds(): string {
    return ((Date.now() - this.#startedAtMs) / 1000).toFixed(this.terminal.isInteractive ? 1 : 0);
  }
}
