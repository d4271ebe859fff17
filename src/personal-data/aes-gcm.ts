import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const algorithm = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;

/** Bytes of a key. */
export const keyBytes = 32;
/** How much longer a box is than what is in it. */
export const boxOverheadBytes = nonceBytes + tagBytes;

/**
 * Encrypts and authenticates (AES-256-GCM, NIST SP 800-38D): nonce, ciphertext and tag in one box. The nonce is
 * random, which is safe for 2^32 boxes of one key; a person's key makes a handful.
 * @param context what the box belongs to: it opens in the same context only.
 */
export function closeBox(key: Buffer, plain: Buffer, context: string): Buffer {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(Buffer.from(context));
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** What is in the box; undefined when the key or the context is another or a bit of it was changed. */
export function openBox(key: Buffer, box: Buffer, context: string): Buffer | undefined {
  if (box.length < boxOverheadBytes) return undefined;
  const decipher = createDecipheriv(algorithm, key, box.subarray(0, nonceBytes), { authTagLength: tagBytes });
  decipher.setAAD(Buffer.from(context));
  decipher.setAuthTag(box.subarray(box.length - tagBytes));
  const plain = decipher.update(box.subarray(nonceBytes, box.length - tagBytes));
  try {
    return Buffer.concat([plain, decipher.final()]);
  } catch {
    return undefined; // the tag does not fit: OpenSSL tells no more than that
  }
}
