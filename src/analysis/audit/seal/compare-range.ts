import type { StoredEvent } from '../../../event-store/port.js';
import { fingerprintBytes } from './event-digest.js';
import type { SealBody } from './seal.js';

/** An event as it is found in the log. */
export interface FoundEvent {
  readonly position: number;
  readonly stream: string;
  readonly revision: number;
  readonly type: string;
}

/** An event of a range under comparison. */
export interface DigestedEvent {
  readonly place: FoundEvent;
  readonly digest: Buffer;
}

/** The first place where a range is not what was sealed. */
export type RangeDifference =
  /** This event stands where another one, or another version of it, was sealed. */
  | { readonly kind: 'changed'; readonly event: FoundEvent }
  /** This event was not there. */
  | { readonly kind: 'added'; readonly event: FoundEvent }
  /** An event is gone that stood right after this one (null: at the start of the range). */
  | { readonly kind: 'missing'; readonly after: FoundEvent | null };

/**
 * Says where a range whose digest differs does so first, by the events' fingerprints. They have 32 bits: enough to
 * point a finger, while it is the digest that decides whether to.
 */
export function firstDifference(
  seal: Pick<SealBody, 'fingerprints'>,
  found: readonly DigestedEvent[],
): RangeDifference {
  const sealed = Buffer.from(seal.fingerprints, 'base64');
  const sealedAt = (index: number) =>
    sealed.toString('hex', index * fingerprintBytes, (index + 1) * fingerprintBytes);
  const foundAt = (index: number) => found[index]?.digest.toString('hex', 0, fingerprintBytes) ?? '';
  const sealedCount = sealed.length / fingerprintBytes;
  let index = 0;
  while (index < sealedCount && index < found.length && sealedAt(index) === foundAt(index)) index++;
  const event = found[index];
  const before = found[index - 1];
  const isGone =
    event === undefined || (found.length < sealedCount && foundAt(index) === sealedAt(index + 1));
  if (isGone) return { kind: 'missing', after: before?.place ?? null };
  const isNew =
    index >= sealedCount || (found.length > sealedCount && foundAt(index + 1) === sealedAt(index));
  return { kind: isNew ? 'added' : 'changed', event: event.place };
}

/** Where an event is, without what is in it. */
export function placeOf({ position, stream, revision, type }: StoredEvent): FoundEvent {
  return { position, stream, revision, type };
}
