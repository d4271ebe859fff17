import { status } from '@grpc/grpc-js';
import { LogReplaced, NoEventAtPosition } from '../port.js';
import { UnreadableEvent } from './records.js';

/** Why a call failed, in the kinds that callers treat differently. */
export type Failure =
  /** May succeed when repeated on another connection; a write may have happened nevertheless. */
  | { readonly kind: 'transient'; readonly reason: string }
  /** Repeating the call does not help. */
  | { readonly kind: 'permanent'; readonly error: Error };

interface GrpcError {
  readonly code: number;
  readonly details: string;
}

/** Classifies the error of a gRPC call. Unknown errors count as transient. */
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
        `EventStoreDB refuses access (${details}): the user, if one is given, lacks a right. Only $admins may read $all until \`boxoffice eventstoredb grant\` gives this right to another user`,
      );
    case status.NOT_FOUND:
      // Only a node that is not the leader answers so: a missing stream is reported by a message, not by this code.
      return { kind: 'transient', reason: `the node is not the leader (${details})` };
    case status.UNIMPLEMENTED:
      return permanent(`EventStoreDB does not support a request (${details}): it must be 23.10 or later`);
    case status.INVALID_ARGUMENT:
    case status.FAILED_PRECONDITION:
      return permanent(`EventStoreDB refuses a request: ${details}`);
    case status.UNKNOWN:
      // The answer for a position at which no record begins; another connection does not help.
      if (details.startsWith('Unexpected ReadAllResult')) {
        const message = `EventStoreDB cannot read from a position of its log (${details}): no event begins there, so the position is from another log`;
        return { kind: 'permanent', error: new NoEventAtPosition(message) };
      }
      return { kind: 'transient', reason: details };
    default:
      return { kind: 'transient', reason: withoutWrapping(details) };
  }
}

/** The reason without the text that grpc-js puts around it. */
function withoutWrapping(details: string): string {
  return (
    /^No connection established\. Last error: (?:Error: )?(.*?)\. Resolution note: ?$/s.exec(details)?.[1] ??
    details
  );
}

/** The reason of a failure as text. */
export function failureText(error: unknown): string {
  const failure = failureOf(error);
  return failure.kind === 'transient' ? failure.reason : failure.error.message;
}

/** A failure that repeating the call does not cure. */
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

/**
 * Pause before the next attempt: doubles from `firstMs` to `mostMs`, reduced by a random part of up to half, so that
 * callers that failed together do not try again together.
 * @param failures Failures in a row, 1 or more.
 */
export function backoffMs(failures: number, firstMs: number, mostMs: number): number {
  const whole = Math.min(mostMs, firstMs * 2 ** Math.min(failures - 1, 30));
  return whole * (0.5 + Math.random() / 2);
}
