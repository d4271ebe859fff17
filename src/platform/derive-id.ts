import { createHash } from 'node:crypto';

/** Namespace of every id boxoffice derives; fixed for ever, since derived ids are stored. */
const namespace = Buffer.from('6f2f1f0e5e0b4d6c9a3b7c1d2e3f4a5b', 'hex');

/**
 * A UUID version 5 (RFC 9562, section 5.5) of `parts`: the same parts give the same id on every machine, so
 * a retried command reaches the same streams and event ids.
 */
export function deriveId(...parts: readonly (string | number)[]): string {
  // Parts are length-prefixed so that ('a', 'b') and ('ab', '') differ.
  const name = parts.map((part) => `${String(part).length}:${part}`).join('');
  const hash = createHash('sha1').update(namespace).update(name).digest();
  hash[6] = (hash.readUInt8(6) & 0x0f) | 0x50;
  hash[8] = (hash.readUInt8(8) & 0x3f) | 0x80;
  const hex = hash.toString('hex', 0, 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
