import { z } from 'zod';
import type { UserId } from '../events/ids.js';
import { closeBox, openBox } from './aes-gcm.js';

/** Stands in the log in place of a personal field's value. */
const sealedFieldSchema = z.strictObject({
  /** Version of the sealing. */
  sealed: z.literal(1),
  /** Base64 of the encrypted JSON of the value. */
  box: z.string(),
});
export type SealedField = z.infer<typeof sealedFieldSchema>;

/** The one place a sealed value belongs to: copied elsewhere it cannot be opened. */
export interface FieldPlace {
  readonly type: string;
  readonly field: string;
  readonly userId: UserId;
}

export function sealField(key: Buffer, value: unknown, place: FieldPlace): SealedField {
  const plain = Buffer.from(JSON.stringify(value));
  return { sealed: 1, box: closeBox(key, plain, contextOf(place)).toString('base64') };
}

/** The value, wrapped; undefined when key or place are wrong or something was changed. */
export function openField(
  key: Buffer,
  { box }: SealedField,
  place: FieldPlace,
): { value: unknown } | undefined {
  const plain = openBox(key, Buffer.from(box, 'base64'), contextOf(place));
  return plain && { value: JSON.parse(plain.toString()) };
}

export function isSealed(value: unknown): value is SealedField {
  return typeof value === 'object' && value !== null && sealedFieldSchema.safeParse(value).success;
}

function contextOf({ type, field, userId }: FieldPlace): string {
  return JSON.stringify([type, field, userId]);
}
