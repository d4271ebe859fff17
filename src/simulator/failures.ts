import { Rejected } from '../domain/rejection.js';
import { StoreUnavailable } from '../event-store/port.js';
import { DatabaseFailure } from '../projections/engine/dialect.js';
import { ReadModelsUnavailable } from '../queries/outage.js';

/** Whether an error is one that an outage brings about: the caller asks again. */
export function isOutage(error: unknown): boolean {
  return (
    error instanceof StoreUnavailable ||
    error instanceof ReadModelsUnavailable ||
    error instanceof DatabaseFailure
  );
}

/** Whether an error is part of the product's design; any other one is a defect. */
export function isExpected(error: unknown): boolean {
  return isOutage(error) || error instanceof Rejected;
}

/** An error as a person reads it. */
export function describeError(error: unknown): string {
  if (error instanceof Rejected) return `refused: ${error.rejection.code}`;
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
