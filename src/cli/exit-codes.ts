/** Exit codes of every command; docs/cli.md explains them. */
export const exitCodes = {
  ok: 0,
  /** The command ran and the answer is bad: findings, a refused feed, a demo that was not clean. */
  failed: 1,
  /** The command could not run: wrong arguments, wrong configuration, nothing to work on. */
  unusable: 2,
  /** Log and read models do not belong together: repeating the command changes nothing. */
  mismatched: 3,
  /** Stopped by a signal before it was done. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** A failure with one clear message for whoever typed the command; anything else thrown is a defect. */
export class CliFailure extends Error {
  override readonly name = 'CliFailure';
  constructor(
    message: string,
    readonly exitCode: ExitCode = exitCodes.unusable,
  ) {
    super(message);
  }
}
