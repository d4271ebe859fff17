import type { ExpectedRevision, Revision } from './port.js';

/** A stream's last revision where -1 stands for a stream without events. */
export type HeadRevision = number;
export const emptyStream: HeadRevision = -1;

/** {@link ExpectedRevision} as one number: -1 for none, -2 for any. */
export type ExpectedHead = number;
export const anyHead: ExpectedHead = -2;

export type AppendDecision =
  /** Write the events behind the head. */
  | 'write'
  /** The stream is elsewhere. */
  | 'conflict'
  /** These events are there already, the last of them at this revision. */
  | { readonly replayedTo: Revision };

/** `expected` as a number, for comparing with heads. */
export function expectedHead(expected: ExpectedRevision): ExpectedHead {
  if (expected === 'any') return anyHead;
  return expected === 'none' ? emptyStream : expected;
}

/**
 * What an append to a stream at `head` comes to. A retry is recognised by its event ids standing right behind
 * the expected revision; with `any`, by their being the stream's last events.
 * @param count Number of events to append.
 * @param isAt Whether the stream holds the append's event number `index` (from 0) at `revision`; asked beyond
 * the head too.
 */
export function decideAppend(
  head: HeadRevision,
  expected: ExpectedHead,
  count: number,
  isAt: (revision: Revision, index: number) => boolean,
): AppendDecision {
  if (head === expected) return 'write';
  const base = expected === anyHead ? head - count : expected;
  if (base >= emptyStream && holdsAll(base, count, isAt)) {
    return { replayedTo: base + count };
  }
  return expected === anyHead ? 'write' : 'conflict';
}

function holdsAll(
  base: HeadRevision,
  count: number,
  isAt: (revision: Revision, index: number) => boolean,
): boolean {
  for (let index = 0; index < count; index++) {
    if (!isAt(base + 1 + index, index)) return false;
  }
  return true;
}
