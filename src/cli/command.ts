import type { Command } from 'commander';
import type { Terminal } from './terminal.js';

/** Exit codes of every command; docs/cli.md explains them. */
export const exitCodes = {
  ok: 0,
  /** The command ran with a bad result: findings, a refused feed, a demo that was not clean. */
  failed: 1,
  /** The command could not run: wrong arguments, wrong configuration, nothing to work on. */
  unusable: 2,
  /** Log and read models do not belong together: repeating the command changes nothing. */
  mismatched: 3,
  /** Stopped by a signal before it was done. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** A failure with a message for the user of the command; anything else thrown is a defect. */
export class CliFailure extends Error {
  override readonly name = 'CliFailure';
  constructor(
    message: string,
    readonly exitCode: ExitCode = exitCodes.unusable,
  ) {
    super(message);
  }
}

/** Gives a command its description, arguments and action. @param done called with the exit code when the action has ended. */
export type DefineCommand = (command: Command, terminal: Terminal, done: (code: ExitCode) => void) => void;

/** Collects the values of an option that may be repeated. */
export function collect(value: string, earlier: readonly string[] = []): string[] {
  return [...earlier, value];
}

/**
 * An option's value as a number.
 * @throws {CliFailure} naming the option when it is not a whole number in range.
 */
export function toWholeNumber(flag: string, text: string, min: number, max: number): number {
  const number = Number(text);
  if (/^\d{1,10}$/.test(text) && number >= min && number <= max) return number;
  throw new CliFailure(`${flag}: ${text} is not a whole number from ${min} to ${max}`);
}
