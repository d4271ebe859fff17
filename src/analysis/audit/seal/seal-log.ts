import { createPublicKey, type KeyObject } from 'node:crypto';
import type { StoredLog } from '../../../event-store/port.js';
import type { Instant } from '../../../events/ids.js';
import { RangeDigest } from './event-digest.js';
import { keyIdOf, type Seal, sealHash, signSeal } from './seal.js';
import { storedEvents } from './stored-events.js';

export interface SealOptions {
  /** Continue after this one; undefined for the first. */
  readonly last: Seal | undefined;
  /** Events under one seal, 1 … {@link maxRangeEvents}; the last of a run may have fewer. */
  readonly rangeEvents: number;
  /** An Ed25519 private key. */
  readonly key: KeyObject;
  readonly now: () => Instant;
}

/**
 * Seals what the log has behind the last seal, up to where it ends. Stop asking at any time: every seal that came
 * stands by itself.
 */
export async function* sealLog(log: StoredLog, options: SealOptions): AsyncGenerator<Seal> {
  const { rangeEvents, key, now } = options;
  const keyId = keyIdOf(createPublicKey(key));
  let { last } = options;
  let range = new RangeDigest();
  const seal = (upTo: number): Seal =>
    signSeal(
      {
        format: 'boxoffice-seal/1',
        number: last === undefined ? 0 : last.number + 1,
        previous: last === undefined ? null : sealHash(last),
        after: last?.upTo ?? null,
        upTo,
        events: range.events,
        ...range.finish(),
        sealedAt: now(),
        key: keyId,
      },
      key,
    );
  let position = 0;
  for await (const event of storedEvents(log, last?.upTo ?? null)) {
    range.add(event);
    position = event.position;
    if (range.events < rangeEvents) continue;
    last = seal(position);
    range = new RangeDigest();
    yield last;
  }
  if (range.events > 0) yield seal(position);
}

/** Whether the log still holds a sealed range as it was sealed. */
export async function stillHolds(log: StoredLog, seal: Seal): Promise<boolean> {
  const range = new RangeDigest();
  for await (const event of storedEvents(log, seal.after)) {
    if (event.position > seal.upTo) break;
    range.add(event);
  }
  return range.finish().digest === seal.digest;
}
