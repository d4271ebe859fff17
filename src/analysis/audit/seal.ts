import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { z } from 'zod';
import type { StoredEvent, StoredLog } from '../../event-store/port.js';
import { type Instant, instantSchema } from '../../events/ids.js';

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
/** A signed statement about one range of the log, chained to the ranges before. */
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

/** The hash that the next seal has as `previous`: covers this seal and all before it. */
export function sealHash(seal: SealBody): string {
  return createHash('sha256').update(signedText(seal)).digest('hex');
}

/** A seal as a line of a seal file. */
export function sealLine(seal: Seal): string {
  return JSON.stringify({ ...bodyOf(seal), signature: seal.signature });
}

/** The seal on a line; undefined unless the line is exactly as {@link sealLine} writes it. */
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

/** Bytes of an event's digest that a seal keeps, to find the event of its range that differs. */
export const fingerprintBytes = 4;

/**
 * SHA-256 of everything the engine stores of an event. Each field is its UTF-8 bytes, preceded by their number
 * (four bytes, big-endian), so that no two events have the same encoding.
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

/** The digest of a range of events, computed event by event. */
export class RangeDigest {
  readonly #hash = createHash('sha256');
  readonly #fingerprints: Buffer[] = [];

  get events(): number {
    return this.#fingerprints.length;
  }

  /** Adds the next event. @returns its digest. */
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

const pageEvents = 256;

/** The events of a log after a position (null: from the start), read page by page. */
export async function* storedEvents(log: StoredLog, after: number | null): AsyncGenerator<StoredEvent> {
  let last = after ?? undefined;
  for (;;) {
    const page = await log.readAfter(last, pageEvents);
    yield* page;
    const newest = page.at(-1);
    if (!newest) return;
    last = newest.position;
  }
}

interface SealOptions {
  /** The seal to continue after; undefined for the first. */
  readonly last: Seal | undefined;
  /** Events under one seal, 1 … {@link maxRangeEvents}; the last of a run may have fewer. */
  readonly rangeEvents: number;
  /** An Ed25519 private key. */
  readonly key: KeyObject;
  readonly now: () => Instant;
}

/**
 * Seals the events after the last seal, up to the end of the log. The caller may stop at any time: each seal
 * yielded is complete.
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

/** Whether the events of a sealed range are unchanged. */
export async function stillHolds(log: StoredLog, seal: Seal): Promise<boolean> {
  const range = new RangeDigest();
  for await (const event of storedEvents(log, seal.after)) {
    if (event.position > seal.upTo) break;
    range.add(event);
  }
  return range.finish().digest === seal.digest;
}
