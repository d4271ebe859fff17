import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { type UserId, userIdSchema } from '../events/ids.js';
import { allEventDefinitions } from '../events/registry.js';

const algorithm = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;

/** Bytes of a key. */
export const keyBytes = 32;
/** How much longer a box is than its content. */
const boxOverheadBytes = nonceBytes + tagBytes;

const fieldsByType: ReadonlyMap<string, readonly string[]> = new Map(
  allEventDefinitions()
    .filter(({ personal }) => personal.length > 0)
    .map(({ type, personal }) => [type, personal]),
);

interface StoredEvent {
  readonly type: string;
  readonly data: unknown;
}

/** An event's data, the user it belongs to, and the names of its personal fields. */
export interface PersonalData {
  readonly type: string;
  readonly userId: UserId;
  readonly data: Readonly<Record<string, unknown>>;
  readonly fields: readonly string[];
}

/** Whether events of this type have personal fields. Called for every event, so it must be fast. */
export function isPersonal({ type }: StoredEvent): boolean {
  return fieldsByType.has(type);
}

/**
 * @throws {z.ZodError} when the event has no `userId`, which every type with personal fields has.
 */
export function personalDataOf({ type, data }: StoredEvent): PersonalData {
  // encodeEvent writes objects; anything else has no user id and is refused below.
  const record = data as Record<string, unknown>;
  return {
    type,
    userId: userIdSchema.parse(record.userId),
    data: record,
    fields: fieldsByType.get(type) ?? [],
  };
}

/** Stored in the log instead of a personal field's value. */
const sealedFieldSchema = z.strictObject({
  /** Version of the sealing. */
  sealed: z.literal(1),
  /** Base64 of the encrypted JSON of the value. */
  box: z.string(),
});
export type SealedField = z.infer<typeof sealedFieldSchema>;

/** The field that a sealed value belongs to: copied to another field, it cannot be opened. */
interface FieldPlace {
  readonly type: string;
  readonly field: string;
  readonly userId: UserId;
}

export function sealField(key: Buffer, value: unknown, place: FieldPlace): SealedField {
  const plain = Buffer.from(JSON.stringify(value));
  return { sealed: 1, box: closeBox(key, plain, fieldContext(place)).toString('base64') };
}

/** The value, wrapped; undefined when the key or the field is another one, or a bit was changed. */
export function openField(
  key: Buffer,
  { box }: SealedField,
  place: FieldPlace,
): { value: unknown } | undefined {
  const plain = openBox(key, Buffer.from(box, 'base64'), fieldContext(place));
  return plain && { value: JSON.parse(plain.toString()) };
}

export function isSealed(value: unknown): value is SealedField {
  return typeof value === 'object' && value !== null && sealedFieldSchema.safeParse(value).success;
}

function fieldContext({ type, field, userId }: FieldPlace): string {
  return JSON.stringify([type, field, userId]);
}

/** Bytes of a wrapped key. */
export const wrappedKeyBytes = keyBytes + boxOverheadBytes;

/** Encrypts ("wraps") the keys of users, so that a stolen table of keys is useless without the secret. */
export class MasterKey {
  readonly #key: Buffer;

  /** @param secret a value of the secret of personal data; the master key is derived from it (HKDF-SHA-256, RFC 5869). */
  constructor(secret: string) {
    this.#key = Buffer.from(hkdfSync('sha256', secret, '', 'boxoffice personal data', keyBytes));
  }

  /** @param userId the owner of the key; the wrapped key cannot be unwrapped for another user. */
  wrap(userId: UserId, key: Buffer): Buffer {
    return closeBox(this.#key, key, keyContext(userId));
  }

  /** Undefined when it was wrapped under another secret, for another user, or was changed. */
  unwrap(userId: UserId, wrappedKey: Buffer): Buffer | undefined {
    return openBox(this.#key, wrappedKey, keyContext(userId));
  }
}

function keyContext(userId: UserId): string {
  return `key of ${userId}`;
}

/**
 * Encrypts and authenticates (AES-256-GCM, NIST SP 800-38D): nonce, ciphertext and tag in one box. The nonce is
 * random, which is safe for 2^32 boxes of one key; a user's key encrypts only a few.
 * @param context what the box belongs to: it opens only in the same context.
 */
function closeBox(key: Buffer, plain: Buffer, context: string): Buffer {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(Buffer.from(context));
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** The content of the box; undefined when key or context are others, or a bit was changed. */
function openBox(key: Buffer, box: Buffer, context: string): Buffer | undefined {
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
