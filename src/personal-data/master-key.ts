import { hkdfSync } from 'node:crypto';
import type { UserId } from '../events/ids.js';
import { boxOverheadBytes, closeBox, keyBytes, openBox } from './aes-gcm.js';

/** Bytes of a wrapped key. */
export const wrappedKeyBytes = keyBytes + boxOverheadBytes;

/** Wraps the keys of users, so that a stolen table of keys is of no use without the office's secret. */
export class MasterKey {
  readonly #key: Buffer;

  /** @param secret the office's secret; the master key is derived from it (HKDF-SHA-256, RFC 5869). */
  constructor(secret: string) {
    this.#key = Buffer.from(hkdfSync('sha256', secret, '', 'boxoffice personal data', keyBytes));
  }

  /** @param userId whose key it is: wrapped, it is no good for anybody else. */
  wrap(userId: UserId, key: Buffer): Buffer {
    return closeBox(this.#key, key, contextOf(userId));
  }

  /** Undefined when it was wrapped under another secret, for another user, or was changed. */
  unwrap(userId: UserId, wrappedKey: Buffer): Buffer | undefined {
    return openBox(this.#key, wrappedKey, contextOf(userId));
  }
}

function contextOf(userId: UserId): string {
  return `key of ${userId}`;
}
