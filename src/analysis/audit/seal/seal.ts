import { createHash, type KeyObject, sign, verify } from 'node:crypto';
import { z } from 'zod';
import { instantSchema } from '../../../events/ids.js';

const sha256Hex = z.string().regex(/^[0-9a-f]{64}$/);
const position = z.number().int();

/** Largest number of events under one seal. */
export const maxRangeEvents = 10_000;

const bodySchema = z.strictObject({
  format: z.literal('boxoffice-seal/1'),
  /** 0, 1, 2, … along the chain. */
  number: z.number().int().min(0),
  /** {@link sealHash} of the seal before; null in the first. */
  previous: sha256Hex.nullable(),
  /** The sealed range is every event after this position (null: from the start of the log) … */
  after: position.nullable(),
  /** … up to this one, which is an event's. */
  upTo: position,
  events: z.number().int().min(1).max(maxRangeEvents),
  /** SHA-256 over the SHA-256 digests of the events, in log order. */
  digest: sha256Hex,
  /** The first bytes of each event's digest, base64. */
  fingerprints: z.base64(),
  sealedAt: instantSchema,
  /** {@link keyIdOf} the signing key. */
  key: z.string().regex(/^[0-9a-f]{16}$/),
});
export type SealBody = z.infer<typeof bodySchema>;

const sealSchema = bodySchema.extend({
  /** Ed25519 over {@link signedText}, base64. */
  signature: z.base64(),
});
/** What somebody with the key vouches for: one range of the log, chained to the ranges before. */
export type Seal = z.infer<typeof sealSchema>;

/** Longest line of a seal file in characters. */
export const maxSealLine = 100_000;

/** Signs a seal. @param key an Ed25519 private key. */
export function signSeal(body: SealBody, key: KeyObject): Seal {
  return { ...body, signature: sign(null, Buffer.from(signedText(body)), key).toString('base64') };
}

/** Whether the key's owner signed it. @param key an Ed25519 public key. */
export function isSignedBy(seal: Seal, key: KeyObject): boolean {
  return verify(null, Buffer.from(signedText(seal)), key, Buffer.from(seal.signature, 'base64'));
}

/** What the next seal calls `previous`: stands for this seal and all before it. */
export function sealHash(seal: SealBody): string {
  return createHash('sha256').update(signedText(seal)).digest('hex');
}

/** A seal as a line of a seal file. */
export function sealLine(seal: Seal): string {
  return JSON.stringify({ ...bodyOf(seal), signature: seal.signature });
}

/** The seal on a line; undefined when it is none, down to the last character. */
export function parseSealLine(line: string): Seal | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const parsed = sealSchema.safeParse(value);
  return parsed.success && sealLine(parsed.data) === line ? parsed.data : undefined;
}

/** A short name of a public key: the start of the SHA-256 of its DER form (SPKI). */
export function keyIdOf(publicKey: KeyObject): string {
  const der = publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(der).digest('hex').slice(0, 16);
}

function signedText(seal: SealBody): string {
  return JSON.stringify(bodyOf(seal));
}

/** The signed fields in their fixed order. */
function bodyOf(seal: SealBody): SealBody {
  const { format, number, previous, after, upTo, events, digest, fingerprints, sealedAt, key } = seal;
  return { format, number, previous, after, upTo, events, digest, fingerprints, sealedAt, key };
}
