import { createHash } from 'node:crypto';
import type { StoredEvent } from '../../../event-store/port.js';

/** Bytes of an event's digest that a seal keeps, to tell which event of its range differs. */
export const fingerprintBytes = 4;

/**
 * SHA-256 of everything the engine keeps of an event. Each field goes in as its UTF-8 bytes behind their number
 * (four bytes, big-endian), so that no two events have one encoding.
 */
function digestOf(event: StoredEvent): Buffer {
  const hash = createHash('sha256');
  const length = Buffer.alloc(4);
  const fields = [
    String(event.position),
    event.stream,
    String(event.revision),
    event.id,
    event.type,
    event.data,
    event.metadata,
    event.recordedAt,
    ...event.categories,
  ];
  for (const field of fields) {
    length.writeUInt32BE(typeof field === 'string' ? Buffer.byteLength(field) : field.length);
    hash.update(length).update(field);
  }
  return hash.digest();
}

/** Digests of a range of events, gathered one after the other. */
export class RangeDigest {
  readonly #hash = createHash('sha256');
  readonly #fingerprints: Buffer[] = [];

  get events(): number {
    return this.#fingerprints.length;
  }

  /** Takes the next event. @returns its digest. */
  add(event: StoredEvent): Buffer {
    const digest = digestOf(event);
    this.#hash.update(digest);
    this.#fingerprints.push(digest.subarray(0, fingerprintBytes));
    return digest;
  }

  /** Call it once, after the last event. */
  finish(): { readonly digest: string; readonly fingerprints: string } {
    return {
      digest: this.#hash.digest('hex'),
      fingerprints: Buffer.concat(this.#fingerprints).toString('base64'),
    };
  }
}
