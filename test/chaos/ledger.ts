import { appendFileSync } from 'node:fs';

/** What the office has told a fan, or has not. */
export type Entry =
  | { readonly kind: 'charged'; readonly chargeId: string; readonly amount: number }
  | { readonly kind: 'token'; readonly tokenId: string; readonly number: number }
  | {
      readonly kind: 'held';
      readonly holdId: string;
      readonly scheduleId: string;
      readonly seatIds: readonly string[];
      readonly expiresAt: string;
    }
  | { readonly kind: 'released'; readonly holdId: string }
  | {
      readonly kind: 'paid';
      readonly orderId: string;
      readonly holdId: string;
      readonly seatIds: readonly string[];
      readonly amount: number;
    }
  | { readonly kind: 'refunded'; readonly orderId: string }
  /** A final answer that says no. */
  | { readonly kind: 'refused'; readonly what: Operation; readonly code: string }
  /** No answer, however long the fan asked. */
  | { readonly kind: 'unknown'; readonly what: Operation };

export type Operation = 'arrive' | 'charge' | 'queue' | 'hold' | 'release' | 'pay' | 'cancel';
export type EntryOf<Kind extends Entry['kind']> = Extract<Entry, { readonly kind: Kind }>;
/** Who was told, when (milliseconds since 1970). */
export type Line = Entry & { readonly userId: string; readonly atMs: number };

/** A clock of the office was wrong between two moments, milliseconds since 1970. */
export interface ClockFault {
  readonly fromMs: number;
  readonly toMs: number;
  /** By so much, ahead or behind. */
  readonly shiftMs: number;
}

/** What was under way with the wrong clock is over so long after it is right again. */
const clockAftermathMs = 1_000;

/** Everything the office has acknowledged, kept outside of it: lines are added, never changed. */
export class Ledger {
  readonly lines: Line[] = [];
  /** Answers that nothing excuses, as findings. */
  readonly defects: string[] = [];
  /** Of all cycles: what a wrong clock wrote stays in the log. */
  readonly clockFaults: ClockFault[] = [];
  requests = 0;

  /** @param file gets a copy of each line. */
  constructor(private readonly file: string) {}

  write(userId: string, entry: Entry): void {
    const line = { ...entry, userId, atMs: Date.now() };
    this.lines.push(line);
    appendFileSync(this.file, `${JSON.stringify(line)}\n`);
  }

  /** How wrong a clock may have been that wrote a time. */
  clockShiftAt(writtenMs: number): number {
    const shifts = this.clockFaults
      .filter(
        ({ fromMs, toMs, shiftMs }) =>
          writtenMs >= fromMs - shiftMs && writtenMs <= toMs + clockAftermathMs + shiftMs,
      )
      .map(({ shiftMs }) => shiftMs);
    return Math.max(0, ...shifts);
  }

  of<Kind extends Entry['kind']>(kind: Kind): (EntryOf<Kind> & { readonly userId: string })[] {
    return this.lines.filter((line): line is EntryOf<Kind> & Line => line.kind === kind);
  }
}
