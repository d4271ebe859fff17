import { CliFailure } from './exit-codes.js';

/** Gathers the values of an option that may be given several times. */
export function collect(value: string, earlier: readonly string[] = []): string[] {
  return [...earlier, value];
}

/**
 * The number an option was given.
 * @throws {CliFailure} naming the option when it is not a whole number in range.
 */
export function toWholeNumber(flag: string, text: string, min: number, max: number): number {
  const number = Number(text);
  if (/^\d{1,10}$/.test(text) && number >= min && number <= max) return number;
  throw new CliFailure(`${flag}: ${text} is not a whole number from ${min} to ${max}`);
}
