/** What waits for the writer thread: how it is sent, and how the thread's answer settles it. */
import { emptyStream, expectedHead } from '../append-decision.js';
import type { AppendRequest } from '../append-request.js';
import { type AppendResult, WrongExpectedRevision } from '../port.js';
import { asPosition } from '../subscription-loop.js';
import { type AppendBatch, conflict, type Outcomes, outcomeSize, replayed } from './messages.js';

/** Events that have just become durable. */
export interface CommittedAppend {
  readonly request: AppendRequest;
  /** Of the last event. */
  readonly revision: number;
  /** Of the last event; the events of one append have consecutive positions. */
  readonly position: number;
  readonly recordedAtMs: number;
}

/** An append somebody waits for. */
export interface Pending {
  readonly request: AppendRequest;
  readonly resolve: (result: AppendResult) => void;
  readonly reject: (error: Error) => void;
}

/** An append and what became of it. */
export interface Settled extends CommittedAppend {
  readonly pending: Pending;
  /** See {@link Outcomes}. */
  readonly code: number | undefined;
}

/** Appends that went to the thread in one message. */
export interface SentBatch {
  readonly appends: readonly Pending[];
  readonly recordedAtMs: number;
}

/** The outcome of each append, in the order they were sent. */
export function settlements(batches: readonly SentBatch[], outcomes: Outcomes): Settled[] {
  const settled: Settled[] = [];
  for (const { appends, recordedAtMs } of batches) {
    for (const pending of appends) {
      const at = settled.length * outcomeSize;
      settled.push({
        pending,
        request: pending.request,
        code: outcomes[at],
        revision: outcomes[at + 1] ?? emptyStream,
        position: outcomes[at + 2] ?? 0,
        recordedAtMs,
      });
    }
  }
  return settled;
}

/** Tells whoever waits. */
export function answer({ pending, request, code, revision, position }: Settled): void {
  if (code === conflict) {
    const actual = revision === emptyStream ? undefined : revision;
    pending.reject(new WrongExpectedRevision(request.stream, request.expected, actual));
  } else {
    pending.resolve({ revision, position: asPosition(position), replayed: code === replayed });
  }
}

/** Appends as a message. */
export function toBatch(appends: readonly Pending[], recordedAtMs: number): AppendBatch {
  const batch: AppendBatch = {
    kind: 'append',
    recordedAtMs,
    streams: [],
    expected: [],
    counts: [],
    ids: [],
    types: [],
    data: [],
    metadata: [],
  };
  for (const { request } of appends) {
    batch.streams.push(request.stream);
    batch.expected.push(expectedHead(request.expected));
    batch.counts.push(request.events.length);
    for (const event of request.events) {
      batch.ids.push(event.id);
      batch.types.push(event.type);
      batch.data.push(event.data);
      batch.metadata.push(event.metadata);
    }
  }
  return batch;
}
