import { generateKeyPairSync } from 'node:crypto';
import { type SealBody, sealLine, signSeal, stillHolds } from '../../../../src/analysis/audit/seal.js';
import { openEventStoreDbStoredLog } from '../../../../src/event-store/eventstoredb/event-store-db.js';
import { Database } from '../../../../src/platform/sqlite.js';
import { withServer } from '../../../event-store/eventstoredb-under-test.js';
import { newEvent } from '../../../event-store/new-event.js';
import { logFolder } from '../../../event-store/opened-store.js';
import { check, key, publicKey, seal, withLog, writeLog } from './sealed-log.js';

const { file, remove } = logFolder();
beforeAll(() => writeLog(file, 120));
afterAll(remove);

const sealed = () => withLog(file, seal);
const checked = (lines: Parameters<typeof check>[0], trusted = publicKey) =>
  withLog(file, (log) => check(lines, log, trusted));

it('seals the whole log in ranges, the last one as long as there are events', async () => {
  const seals = await sealed();
  expect(seals.map(({ number, after, upTo, events }) => [number, after, upTo, events])).toEqual([
    [0, null, 50, 50],
    [1, 50, 100, 50],
    [2, 100, 120, 20],
  ]);
  expect(await checked(seals)).toMatchObject({
    clean: true,
    seals: 3,
    events: 120,
    lastSeal: { number: 2, upTo: 120, hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
  });
});

it('goes on behind the last seal, and counts what no seal covers yet', async () => {
  const grown = logFolder();
  try {
    await writeLog(grown.file, 60);
    const first = await withLog(grown.file, seal);
    await writeLog(grown.file, 30, 60);
    const before = await withLog(grown.file, (log) => check(first, log));
    expect(before).toMatchObject({ clean: true, events: 60, unsealedEvents: 30 });
    const more = await withLog(grown.file, (log) => seal(log, first));
    expect(more.map(({ number, after, events }) => [number, after, events])).toEqual([[2, 60, 30]]);
    const after = await withLog(grown.file, (log) => check([...first, ...more], log));
    expect(after).toMatchObject({ clean: true, seals: 3, events: 90, unsealedEvents: 0 });
    expect(await withLog(grown.file, (log) => seal(log, [...first, ...more]))).toEqual([]);
  } finally {
    grown.remove();
  }
});

it('sees a seal that was edited, taken out, put elsewhere, signed by another, or forged as a whole', async () => {
  const [first, second, third] = await sealed();
  if (!first || !second || !third) throw new Error('three seals');
  const problems = async (...lines: Parameters<typeof check>[0][number][]) =>
    (await checked(lines)).findings.map((finding) =>
      finding.kind === 'seal' ? finding.problem : finding.kind,
    );
  const other = generateKeyPairSync('ed25519').privateKey;
  const { signature: _, ...body } = second;
  const edited: SealBody = { ...body, events: 49 };

  expect(await problems(first, second, third)).toEqual([]);
  expect(await problems(first, { ...edited, signature: second.signature }, third)).toEqual([
    'does not have the signature of its content',
    'does not follow the seal before',
  ]);
  expect(await problems(first, third)).toEqual(['is seal 2 where 1 is due']);
  expect(await problems(second, third)).toEqual(['is seal 1 where 0 is due']);
  expect(await problems(first, third, second)).toEqual([
    'is seal 2 where 1 is due',
    'is seal 1 where 3 is due',
  ]);
  expect(await problems(first, first)).toEqual(['is seal 0 where 1 is due']);
  expect(await problems(first, signSeal(body, other), third)).toEqual([
    expect.stringMatching(/^does not have the signature/),
  ]);
  expect(await problems(first, ` ${sealLine(second)}`, third)).toEqual(['is not a seal']);
  expect(await problems(first, sealLine(second).slice(0, 80), third)).toEqual(['is not a seal']);
  expect(await problems(first, signSeal({ ...body, previous: 'ab'.repeat(32) }, key))).toEqual([
    'does not follow the seal before',
  ]);
  expect(await problems(first, signSeal({ ...body, after: 40 }, key))).toEqual([
    'does not continue where the seal before ends',
  ]);
});

it('believes no key but the one it is given', async () => {
  const stranger = generateKeyPairSync('ed25519').publicKey;
  const { findings, seals } = await checked(await sealed(), stranger);
  expect([seals, findings.length]).toEqual([0, 3]);
  expect(findings[0]).toMatchObject({
    kind: 'seal',
    line: 1,
    problem: expect.stringContaining('signed by the key'),
  });
});

it('names what is missing, new or changed, and only in the ranges concerned', async () => {
  const forged = logFolder();
  try {
    await writeLog(forged.file, 120);
    const seals = await withLog(forged.file, seal);
    const database = new Database(forged.file);
    database.exec('DELETE FROM events WHERE position = 10');
    database.exec("UPDATE events SET data = '{}' WHERE position = 101");
    database.exec('DELETE FROM events WHERE position > 119');
    database.close();
    const { findings, seals: inOrder, events } = await withLog(forged.file, (log) => check(seals, log));
    expect([inOrder, events]).toEqual([3, 118]);
    expect(findings).toEqual([
      {
        kind: 'log',
        seal: 0,
        after: null,
        upTo: 50,
        sealedEvents: 50,
        foundEvents: 49,
        first: { kind: 'missing', after: expect.objectContaining({ position: 9 }) },
      },
      {
        kind: 'log',
        seal: 2,
        after: 100,
        upTo: 120,
        sealedEvents: 20,
        foundEvents: 19,
        first: { kind: 'changed', event: expect.objectContaining({ position: 101, stream: 'seat-16' }) },
      },
    ]);
    const [, , last] = seals;
    expect(await withLog(forged.file, async (log) => last && stillHolds(log, last))).toBe(false);
  } finally {
    forged.remove();
  }
});

it('seals a log in EventStoreDB by what that engine keeps', async () => {
  await withServer({}, async ({ server, open }) => {
    const store = open();
    for (let n = 0; n < 70; n++) await store.append(`seat-${n % 7}`, 'any', [newEvent({ n })]);
    const log = openEventStoreDbStoredLog(server.connectionString, () => {});
    const seals = await seal(log);
    expect(seals.map(({ events }) => events)).toEqual([50, 20]);
    await store.append('seat-0', 'any', [newEvent()]);
    expect(await check(seals, log)).toMatchObject({ clean: true, events: 70, unsealedEvents: 1 });
    // Another log of the same events has other positions, ids and times.
    expect((await withLog(file, (other) => check(seals, other))).clean).toBe(false);
    await log.close();
  });
});
