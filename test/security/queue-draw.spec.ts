// OWASP API6:2023 Unrestricted Access to Sensitive Business Flows; ASVS 5.0 V2.3 (business logic), V11.5 (random values):
// nobody, the operator included, can know before the opening which number gets which place.
import { createHash } from 'node:crypto';
import { auditLog } from '../../src/analysis/audit/auditor.js';
import { AdmitTokens, OpenQueue } from '../../src/commands/queue/open-and-admit.js';
import { queueSeed } from '../../src/commands/queue/queue-admission.js';
import { admissionDecider } from '../../src/domain/admission.js';
import { drawnPlaces, shuffledPlaces } from '../../src/domain/shuffle.js';
import { type Instant, instantSchema } from '../../src/events/ids.js';
import { streams } from '../../src/events/streams.js';
import { BeaconUnavailable } from '../../src/integrations/beacon/port.js';
import { Fan } from '../analysis/audit/fan.js';
import {
  at,
  performanceId as auditedId,
  seed as auditedSeed,
  type DataOf,
  LogUnderAudit,
} from '../analysis/audit/log-under-audit.js';
import { type CommandSide, createCommandSide } from '../commands/box-office.js';
import { ManualClock } from '../commands/manual-clock.js';
import { freshContext, openTheatre, performanceId, queued } from '../commands/theatre.js';
import { opensAt1000, round1000At, signature1000, signature1001 } from '../integrations/beacon/rounds.js';

const instant = (text: string, ms = 0): Instant =>
  instantSchema.parse(new Date(Date.parse(text) + ms).toISOString());

async function placesIn(side: CommandSide): Promise<number[]> {
  const { state } = await side.repository.load(admissionDecider, streams.admission(performanceId));
  if (!state.opening) throw new Error('the queue has not opened');
  return [...drawnPlaces(state.opening)];
}

/** Twelve fans join before the opening; the last one is this one. */
async function drawWith(lastFan: string): Promise<{ side: CommandSide; places: number[] }> {
  const side = createCommandSide();
  const opensAt = instant(side.clock.now(), 60_000);
  await openTheatre(side, { sales: { opensAt } });
  for (let n = 0; n < 11; n++) await queued(side, `fan ${n}`);
  await queued(side, lastFan);
  side.clock.moveTo(opensAt);
  await side.execute(new OpenQueue(performanceId, freshContext()));
  return { side, places: await placesIn(side) };
}

describe('an insider who knows the seed (API6:2023)', () => {
  it('cannot compute the place of an early number: it depends on everybody who joins after', async () => {
    const { side, places } = await drawWith('one fan');
    const computed = [...shuffledPlaces(queueSeed(side.settings.queueSecret, performanceId, undefined), 12)];
    expect(places).not.toEqual(computed);
    const other = await drawWith('another fan');
    expect(other.places).not.toEqual(places);
    expect([...places].sort((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, n) => n));
  });

  it('finds the same draw after a restart: nothing that was remembered decides', async () => {
    const side = createCommandSide();
    const opensAt = instant(side.clock.now(), 60_000);
    await openTheatre(side, { sales: { opensAt } });
    for (let n = 0; n < 5; n++) await queued(side, `fan ${n}`);
    side.clock.moveTo(instant(opensAt, -10_000));
    // Read ahead by this process, and by none in the other.
    await side.execute(new OpenQueue(performanceId, freshContext()));
    for (let n = 5; n < 9; n++) await queued(side, `fan ${n}`);
    const restarted = createCommandSide({ store: side.store, clock: side.clock });
    side.clock.moveTo(opensAt);
    await side.execute(new OpenQueue(performanceId, freshContext()));
    const { state } = await side.repository.load(admissionDecider, streams.admission(performanceId));
    expect(state.opening?.shuffledCount).toBe(9);
    expect((await auditLog(side.store)).findings).toEqual([]);
    await restarted.execute(new OpenQueue(performanceId, freshContext()));
    expect(await placesIn(restarted)).toEqual(await placesIn(side));
  });
});

describe('a draw that a public beacon decides (API6:2023)', () => {
  let answers: Record<number, string>;
  let asked: number[];
  let side: CommandSide;
  const beacon = {
    signatureOf: async (round: number) => {
      asked.push(round);
      const signature = answers[round];
      if (signature === undefined) throw new BeaconUnavailable('no relay answers');
      return signature;
    },
  };

  beforeEach(async () => {
    answers = {};
    asked = [];
    const clock = new ManualClock();
    clock.moveTo(instant(opensAt1000, -3_600_000));
    side = createCommandSide({ clock, beacon, settings: { nameBeaconRound: true } });
    await openTheatre(side, { sales: { opensAt: instant(opensAt1000) } });
    for (let n = 0; n < 6; n++) await queued(side, `fan ${n}`);
  });
  const open = () => side.execute(new OpenQueue(performanceId, freshContext()));
  const admissions = async () =>
    (await side.store.readStream(streams.admission(performanceId))).map(({ type, data }) => ({ type, data }));

  it('names its round with the performance, fixes who takes part before it, and opens with its signature', async () => {
    const [published] = await side.store.readStream(streams.performance(performanceId));
    expect(published?.data).toMatchObject({ beacon: { chain: 'drand-quicknet', round: 1000 } });
    side.clock.moveTo(instant(opensAt1000));
    expect(await open()).toEqual({ isOpen: false, opensAt: round1000At });
    expect(asked).toEqual([]);
    expect(await admissions()).toMatchObject([
      { type: 'DrawClosed', data: { shuffledCount: 6, beacon: { round: 1000 } } },
    ]);
    // Late for the draw: the number is the place.
    const late = await queued(side, 'late');
    side.clock.moveTo(instant(round1000At));
    answers = { 1000: signature1000 };
    expect(await open()).toEqual({ isOpen: true });
    const [, opened] = await admissions();
    expect(opened).toMatchObject({
      type: 'QueueOpened',
      data: { shuffledCount: 6, beacon: { round: 1000, signature: signature1000 } },
    });
    expect(late.number).toBe(6);
    await side.execute(new AdmitTokens(performanceId, freshContext()));
    expect((await auditLog(side.store)).findings).toEqual([]);
  });

  it('stays closed while the beacon cannot be had, and can be opened in no other way', async () => {
    side.clock.moveTo(instant(opensAt1000));
    await open();
    side.clock.moveTo(instant(round1000At, 3_600_000));
    await expect(open()).rejects.toThrow(BeaconUnavailable);
    // The setting decides what is named from then on, not whether a named round is used.
    const off = createCommandSide({ store: side.store, clock: side.clock, beacon });
    await expect(off.execute(new OpenQueue(performanceId, freshContext()))).rejects.toThrow(
      BeaconUnavailable,
    );
    expect(await admissions()).toMatchObject([{ type: 'DrawClosed' }]);
    answers = { 1000: signature1000 };
    expect(await open()).toEqual({ isOpen: true });
  });

  it('closed too late for its round, waits for one that nobody knew when it was closed', async () => {
    side.clock.moveTo(instant(round1000At, 500));
    answers = { 1000: signature1000 };
    const waiting = await open();
    const [closed] = await admissions();
    if (!closed) throw new Error('the draw is not closed');
    const { beacon: decides } = closed.data as DataOf<'DrawClosed'>; // the only event
    const { round } = decides;
    expect(round).toBeGreaterThan(1005);
    expect(waiting).toEqual({ isOpen: false, opensAt: instant(round1000At, (round - 1000) * 3_000) });
    expect(asked).toEqual([]);
    expect((await auditLog(side.store)).findings).toEqual([]);
  });
});

describe('the audit finds a draw (API6:2023)', () => {
  /** Three fans in a queue for which round 1000 is named. */
  function threeFans(): LogUnderAudit {
    const log = named(new LogUnderAudit().catalog({ opensAt: instant(opensAt1000), maxActive: 10 }));
    for (const name of ['a', 'b', 'c']) new Fan(log, name).queue();
    return log;
  }
  /** As published: SHA-256 of each number, 8 bytes, and the id of its token. */
  function digestOf(log: LogUnderAudit, count = 3): string {
    const digest = createHash('sha256');
    for (const { type, revision, data } of log.events) {
      if (type !== 'TokenIssued' || revision >= count) continue;
      const { tokenId } = data as DataOf<'TokenIssued'>; // of that type
      const number = Buffer.alloc(8);
      number.writeUInt32BE(revision, 4);
      digest.update(number).update(Buffer.from(tokenId.replaceAll('-', ''), 'hex'));
    }
    return digest.digest('hex');
  }
  function named(log: LogUnderAudit, round: number | null = 1000): LogUnderAudit {
    const published = log.events.find(({ type }) => type === 'PerformancePublished');
    const data = published?.data as DataOf<'PerformancePublished'>; // of that type
    const beacon = round === null ? undefined : ({ chain: 'drand-quicknet', round } as const);
    return log.add(`performance-${auditedId}`, { type: 'PerformancePublished', data: { ...data, beacon } });
  }
  function close(log: LogUnderAudit, change: Partial<DataOf<'DrawClosed'>>, when = instant(opensAt1000)) {
    const beacon = { chain: 'drand-quicknet', round: 1000 } as const;
    const data = {
      performanceId: auditedId,
      shuffledCount: 3,
      tokensDigest: digestOf(log),
      beacon,
      ...change,
    };
    return log.add(`admission-${auditedId}`, { type: 'DrawClosed', data }, when);
  }
  function opened(
    log: LogUnderAudit,
    change: Partial<DataOf<'QueueOpened'>> = {},
    when = instant(round1000At),
  ) {
    const beacon = { chain: 'drand-quicknet', round: 1000, signature: signature1000 } as const;
    const draw = { shuffledCount: 3, tokensDigest: digestOf(log), beacon, ...change };
    const data = { performanceId: auditedId, seed: auditedSeed, ...draw };
    return log.add(`admission-${auditedId}`, { type: 'QueueOpened', data }, when).codes();
  }

  it('right when everything is as promised', () => {
    expect(opened(close(threeFans(), {}))).toEqual([]);
  });

  it('of other fans than those who joined', () => {
    const log = threeFans();
    expect(opened(close(log, { tokensDigest: '00'.repeat(32) }))).toEqual(['queue-draw']);
    const cut = threeFans();
    expect(opened(close(cut, { shuffledCount: 2, tokensDigest: digestOf(cut, 2) }))).toEqual(['queue-draw']);
    const plain = new LogUnderAudit().catalog({ maxActive: 10 });
    for (const name of ['a', 'b', 'c']) new Fan(plain, name).queue();
    expect(plain.open({ shuffledCount: 3, tokensDigest: '00'.repeat(32) }).codes()).toEqual(['queue-draw']);
  });

  it('that was closed when its round was known, or for a round that was not named', () => {
    const late = close(threeFans(), {}, instant(round1000At));
    expect(late.codes()).toEqual(['queue-draw']);
    const chosen = close(threeFans(), { beacon: { chain: 'drand-quicknet', round: 1001 } });
    expect(chosen.codes()).toEqual(['queue-draw']);
  });

  it('without its round, with that of another, with a made-up signature, or before its time', () => {
    expect(opened(close(threeFans(), {}), { beacon: undefined })).toEqual(['queue-draw']);
    expect(opened(threeFans(), { beacon: undefined }, instant(opensAt1000))).toEqual(['queue-draw']);
    const other = { chain: 'drand-quicknet', round: 1001, signature: signature1001 } as const;
    expect(opened(close(threeFans(), {}), { beacon: other })).toEqual(['queue-draw']);
    const madeUp = { chain: 'drand-quicknet', round: 1000, signature: signature1001 } as const;
    expect(opened(close(threeFans(), {}), { beacon: madeUp })).toEqual(['queue-draw']);
    expect(opened(close(threeFans(), {}), {}, instant(round1000At, -1))).toEqual(['queue-draw']);
  });

  it('whose round was dropped after fans had joined', () => {
    const log = threeFans();
    named(log, null);
    expect(log.codes()).toEqual(['queue-draw']);
  });

  it('by the seed alone, once others were not; and none in older logs', () => {
    const old = new LogUnderAudit().catalog({ maxActive: 10 });
    new Fan(old, 'a').queue();
    expect(old.open({ shuffledCount: 1 }).codes()).toEqual([]);
    const log = threeFans();
    opened(close(log, {}));
    const secondId = auditedId.replace(/^./, (digit) => (digit === 'f' ? '0' : 'f')) as typeof auditedId; // another UUID
    const published = log.events.find(({ type }) => type === 'PerformancePublished');
    const data = published?.data as DataOf<'PerformancePublished'>; // of that type
    log.add(`performance-${secondId}`, {
      type: 'PerformancePublished',
      data: { ...data, performanceId: secondId },
    });
    log.add(
      `admission-${secondId}`,
      { type: 'QueueOpened', data: { performanceId: secondId, seed: auditedSeed, shuffledCount: 0 } },
      at(10_000_000),
    );
    expect(log.codes()).toEqual(['queue-draw']);
  });
});
