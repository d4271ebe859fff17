import type { KeyObject } from 'node:crypto';
import type { StoredEvent, StoredLog } from '../../event-store/port.js';
import {
  fingerprintBytes,
  isSignedBy,
  keyIdOf,
  maxRangeEvents,
  parseSealLine,
  RangeDigest,
  type Seal,
  type SealBody,
  sealHash,
  storedEvents,
} from './seal.js';

export type SealFinding =
  /** The seal file was changed. `line` counts from 1. */
  | { readonly kind: 'seal'; readonly line: number; readonly problem: string }
  /** The log differs from what was sealed. */
  | {
      readonly kind: 'log';
      readonly seal: number;
      /** The range: after this position (null: from the start) … */
      readonly after: number | null;
      /** … up to this one. */
      readonly upTo: number;
      readonly sealedEvents: number;
      readonly foundEvents: number;
      readonly first: RangeDifference;
    };

export interface SealCheck {
  readonly clean: boolean;
  /** Seals with a valid signature and position in the chain, whether or not their events match. */
  readonly seals: number;
  /** Events of the log compared with a seal. */
  readonly events: number;
  /** Events after the last seal. */
  readonly unsealedEvents: number;
  /** The end of the chain: keep its hash elsewhere, so that removing seals from the end is noticed. */
  readonly lastSeal: (Pick<Seal, 'number' | 'upTo' | 'sealedAt'> & { readonly hash: string }) | null;
  readonly findingCount: number;
  /** The first {@link maxListed}. */
  readonly findings: readonly SealFinding[];
}

/** Findings described; more are only counted. */
const maxListed = 100;

interface CheckOptions {
  /** The only key that is trusted, whatever the seals say. */
  readonly publicKey: KeyObject;
  readonly onProgress?: (progress: { readonly seals: number; readonly events: number }) => void;
  /** Ends the check early by throwing its reason. */
  readonly signal?: AbortSignal;
}

/** Checks a chain of seals, and the log against it. Keeps one range in memory. */
export async function checkSeals(
  lines: AsyncIterable<string>,
  log: StoredLog,
  options: CheckOptions,
): Promise<SealCheck> {
  const check = new Checking(storedEvents(log, null), options);
  let line = 0;
  for await (const text of lines) {
    options.signal?.throwIfAborted();
    await check.line(text, ++line);
  }
  return check.finish();
}

class Checking {
  private readonly findings: SealFinding[] = [];
  private readonly keyId: string;
  private findingCount = 0;
  private seals = 0;
  private events = 0;
  private last: Seal | undefined;
  /** The last line was no seal: where the next seal continues is unknown. */
  private isBroken = false;
  /** The next event, read from the log and not yet compared. */
  private ahead: StoredEvent | undefined;

  constructor(
    private readonly log: AsyncIterator<StoredEvent>,
    private readonly options: CheckOptions,
  ) {
    this.keyId = keyIdOf(options.publicKey);
  }

  async line(text: string, line: number): Promise<void> {
    const seal = parseSealLine(text);
    const problem = seal ? this.problemOf(seal) : 'is not a seal';
    if (problem !== undefined) this.find({ kind: 'seal', line, problem });
    this.isBroken = seal === undefined;
    if (!seal) return;
    this.last = seal;
    if (problem !== undefined) return;
    this.seals++;
    await this.compare(seal);
    this.options.onProgress?.({ seals: this.seals, events: this.events });
  }

  async finish(): Promise<SealCheck> {
    let unsealedEvents = 0;
    for (let event = await this.peek(); event; event = await this.peek()) {
      this.options.signal?.throwIfAborted();
      if (event.position > (this.last?.upTo ?? Number.NEGATIVE_INFINITY)) unsealedEvents++;
      this.ahead = undefined;
    }
    const { last, findings, findingCount, seals, events } = this;
    return {
      clean: findingCount === 0,
      seals,
      events,
      unsealedEvents,
      lastSeal: last
        ? { number: last.number, upTo: last.upTo, sealedAt: last.sealedAt, hash: sealHash(last) }
        : null,
      findingCount,
      findings,
    };
  }

  /** What is wrong with a seal or its position in the chain. */
  private problemOf(seal: Seal): string | undefined {
    if (!isSignedBy(seal, this.options.publicKey)) {
      return seal.key === this.keyId
        ? 'does not have the signature of its content'
        : `is signed by the key ${seal.key}, not by ${this.keyId}`;
    }
    if (this.isBroken) return undefined;
    const { last } = this;
    if (seal.number !== (last === undefined ? 0 : last.number + 1)) {
      return `is seal ${seal.number} where ${last === undefined ? 0 : last.number + 1} is due`;
    }
    if (seal.previous !== (last === undefined ? null : sealHash(last)))
      return 'does not follow the seal before';
    if (seal.after !== (last?.upTo ?? null) || seal.upTo <= (seal.after ?? Number.NEGATIVE_INFINITY)) {
      return 'does not continue where the seal before ends';
    }
    return undefined;
  }

  private async compare(seal: Seal): Promise<void> {
    const found: DigestedEvent[] = [];
    const digest = new RangeDigest();
    let foundEvents = 0;
    for (let event = await this.peek(); event && event.position <= seal.upTo; event = await this.peek()) {
      this.ahead = undefined;
      if (event.position <= (seal.after ?? Number.NEGATIVE_INFINITY)) continue;
      foundEvents++;
      const digested = { event: foundEvent(event), digest: digest.add(event) };
      // When more events were added than a range can have, the first ones are enough to find a difference.
      if (found.length <= maxRangeEvents) found.push(digested);
    }
    this.events += foundEvents;
    if (digest.finish().digest === seal.digest && foundEvents === seal.events) return;
    const { number, after, upTo, events: sealedEvents } = seal;
    const first = firstDifference(seal, found);
    this.find({ kind: 'log', seal: number, after, upTo, sealedEvents, foundEvents, first });
  }

  private async peek(): Promise<StoredEvent | undefined> {
    if (!this.ahead) {
      const { value, done } = await this.log.next();
      this.ahead = done ? undefined : value;
    }
    return this.ahead;
  }

  private find(finding: SealFinding): void {
    this.findingCount++;
    if (this.findings.length < maxListed) this.findings.push(finding);
  }
}

/** An event in the log, without its data. */
export interface FoundEvent {
  readonly position: number;
  readonly stream: string;
  readonly revision: number;
  readonly type: string;
}

/** An event of a range under comparison. */
interface DigestedEvent {
  readonly event: FoundEvent;
  readonly digest: Buffer;
}

/** The first difference between a range and what was sealed. */
type RangeDifference =
  /** At this event's position, another event or another version of it was sealed. */
  | { readonly kind: 'changed'; readonly event: FoundEvent }
  /** This event was not sealed. */
  | { readonly kind: 'added'; readonly event: FoundEvent }
  /** The event after this one is missing (null: the first of the range). */
  | { readonly kind: 'missing'; readonly after: FoundEvent | null };

/**
 * Finds the first difference of a range by the events' fingerprints. They have only 32 bits: call it when the
 * digest, which decides, differs.
 */
function firstDifference(
  seal: Pick<SealBody, 'fingerprints'>,
  found: readonly DigestedEvent[],
): RangeDifference {
  const sealed = Buffer.from(seal.fingerprints, 'base64');
  const sealedAt = (index: number) =>
    sealed.toString('hex', index * fingerprintBytes, (index + 1) * fingerprintBytes);
  const foundAt = (index: number) => found[index]?.digest.toString('hex', 0, fingerprintBytes) ?? '';
  const sealedCount = sealed.length / fingerprintBytes;
  let index = 0;
  while (index < sealedCount && index < found.length && sealedAt(index) === foundAt(index)) index++;
  const event = found[index];
  const before = found[index - 1];
  const isGone =
    event === undefined || (found.length < sealedCount && foundAt(index) === sealedAt(index + 1));
  if (isGone) return { kind: 'missing', after: before?.event ?? null };
  const isNew =
    index >= sealedCount || (found.length > sealedCount && foundAt(index + 1) === sealedAt(index));
  return { kind: isNew ? 'added' : 'changed', event: event.event };
}

function foundEvent({ position, stream, revision, type }: StoredEvent): FoundEvent {
  return { position, stream, revision, type };
}
