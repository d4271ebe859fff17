import { hash } from 'node:crypto';

/** Namespace of every id boxoffice derives; it must never change, because derived ids are stored. */
const namespace = Buffer.from('6f2f1f0e5e0b4d6c9a3b7c1d2e3f4a5b', 'hex');

/**
 * A UUID version 5 (RFC 9562, section 5.5) of `parts`: the same parts give the same id on every machine, so
 * a retried command reaches the same streams and event ids.
 */
export function deriveId(...parts: readonly (string | number)[]): string {
  // Parts are length-prefixed so that ('a', 'b') and ('ab', '') differ.
  const name = parts.map((part) => `${String(part).length}:${part}`).join('');
  const bytes = Buffer.allocUnsafe(namespace.length + Buffer.byteLength(name));
  namespace.copy(bytes);
  bytes.write(name, namespace.length);
  const hex = hash('sha1', bytes);
  // The two highest bits of the 9th byte are the variant, 10.
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
