import { hash } from 'node:crypto';

/** Namespace of every id boxoffice derives; it must never change, because derived ids are stored. */
const namespace = Buffer.from('6f2f1f0e5e0b4d6c9a3b7c1d2e3f4a5b', 'hex');

/** Names of so many characters fit into {@link shortInput} in UTF-8, which takes at most three bytes for each. */
const maxShortName = 500;
/** Used by one call after the other: several ids are derived in each command. */
const shortInput = longInput('x'.repeat(3 * maxShortName));

/** The namespace, with room for a name. */
function longInput(name: string): Buffer {
  return Buffer.concat([namespace, Buffer.alloc(Buffer.byteLength(name))]);
}

/**
 * A UUID version 5 (RFC 9562, section 5.5) of `parts`: the same parts give the same id on every machine, so
 * a retried command reaches the same streams and event ids.
 */
export function deriveId(...parts: readonly (string | number)[]): string {
  // Parts are length-prefixed so that ('a', 'b') and ('ab', '') differ.
  let name = '';
  for (const part of parts) {
    const text = String(part);
    name += `${text.length}:${text}`;
  }
  const bytes = name.length <= maxShortName ? shortInput : longInput(name);
  const length = namespace.length + bytes.write(name, namespace.length);
  const hex = hash('sha1', bytes.subarray(0, length));
  // The two highest bits of the 9th byte are the variant, 10.
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
