import { status } from '@grpc/grpc-js';
import { LogReplaced } from '../port.js';
import { UnreadableEvent } from './positions.js';

/** What went wrong with a call, as far as the caller has to tell one thing from another. */
export type Failure =
  /** May work when tried again, on another connection; a write may have happened all the same. */
  | { readonly kind: 'transient'; readonly reason: string }
  /** Trying again changes nothing. */
  | { readonly kind: 'permanent'; readonly error: Error };

interface GrpcError {
  readonly code: number;
  readonly details: string;
}

/** Sorts the error of a gRPC call. What is not known counts as transient. */
export function failureOf(error: unknown): Failure {
  if (error instanceof UnreadableEvent || error instanceof LogReplaced) return { kind: 'permanent', error };
  if (!isGrpcError(error)) {
    return { kind: 'transient', reason: error instanceof Error ? error.message : String(error) };
  }
  const { code, details } = error;
  switch (code) {
    case status.UNAUTHENTICATED:
      return permanent(`EventStoreDB does not accept user and password (${details})`);
    case status.PERMISSION_DENIED:
      return permanent(
        `EventStoreDB refuses access (${details}): the user, if any is given, lacks a right. Reading $all is a right of $admins alone until \`boxoffice eventstoredb grant\` gives it to another user`,
      );
    case status.NOT_FOUND:
      // Nothing else is answered like this: a stream that is not there is a message of its own.
      return { kind: 'transient', reason: `the node is not the leader (${details})` };
    case status.UNIMPLEMENTED:
      return permanent(
        `EventStoreDB does not know what it was asked (${details}): it must be 23.10 or later`,
      );
    case status.INVALID_ARGUMENT:
    case status.FAILED_PRECONDITION:
      return permanent(`EventStoreDB refuses a request: ${details}`);
    case status.UNKNOWN:
      // Servers say this of a position at which no record begins; another connection changes nothing.
      if (details.startsWith('Unexpected ReadAllResult')) {
        return permanent(
          `EventStoreDB cannot read from a position of its log (${details}): no event begins there, so the position is another log's`,
        );
      }
      return { kind: 'transient', reason: details };
    default:
      return { kind: 'transient', reason: withoutWrapping(details) };
  }
}

/** The reason inside grpc-js's sentence about it. */
function withoutWrapping(details: string): string {
  return (
    /^No connection established\. Last error: (?:Error: )?(.*?)\. Resolution note: ?$/s.exec(details)?.[1] ??
    details
  );
}

/** What went wrong, in words. */
export function failureText(error: unknown): string {
  const failure = failureOf(error);
  return failure.kind === 'transient' ? failure.reason : failure.error.message;
}

/** A failure that stays. */
export function permanent(message: string): Failure {
  return { kind: 'permanent', error: new Error(message) };
}

function isGrpcError(error: unknown): error is GrpcError {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'number' &&
    'details' in error &&
    typeof error.details === 'string'
  );
}
