import { execFile } from 'node:child_process';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportLines, signedExport } from '../../../src/analysis/audit/export.js';
import { CancelOrder } from '../../../src/commands/orders/cancel-order.js';
import { Pay } from '../../../src/commands/orders/pay.js';
import { EnterService } from '../../../src/commands/queue/enter-and-leave.js';
import type { EventStore } from '../../../src/event-store/port.js';
import { pagesOf } from '../../../src/event-store/reading.js';
import { toInstant } from '../../../src/events/ids.js';
import { createCommandSide } from '../../commands/box-office.js';
import {
  charge,
  freshContext,
  hold,
  letIn,
  openTheatre,
  performanceId,
  queued,
  release,
  seats,
} from '../../commands/theatre.js';

interface Exported {
  position: number;
  stream: string;
  revision: number;
  type: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test changes any field of it
  data: any;
}

const key = generateKeyPairSync('ed25519').privateKey;
const folder = mkdtempSync(join(tmpdir(), 'boxoffice-export-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const wholeLog = (store: EventStore) => pagesOf((options) => store.readAll(options));

/** Five fans queue before the opening, buy, let go, cancel, or only look. */
async function soldPerformance() {
  const side = createCommandSide();
  await openTheatre(side);
  const names = ['ann', 'bob', 'cat', 'dan', 'eve'];
  const fans = [];
  for (const name of names) fans.push(await queued(side, name));
  await letIn(side);
  for (const [n, fan] of fans.entries()) {
    await side.execute(new EnterService(fan, freshContext()));
    await charge(side, fan.userId, 1_000);
    const held = await hold(side, fan, seats(`A-${n + 1}`));
    if (n === 4) {
      await release(side, fan, held);
      continue;
    }
    const { order } = await side.execute(new Pay(fan, { holdIds: [held.holdId] }, freshContext()));
    if (n === 3) await side.execute(new CancelOrder(fan.userId, order.orderId, undefined, freshContext()));
  }
  const lines: string[] = [];
  for await (const line of exportLines(wholeLog(side.store), performanceId, toInstant(0))) lines.push(line);
  return { side, fans, lines };
}

let sold: Awaited<ReturnType<typeof soldPerformance>>;
beforeAll(async () => {
  sold = await soldPerformance();
  copyFileSync(join(__dirname, '../../../bin/verify-export.mjs'), join(folder, 'verify.mjs'));
});

/** The exported events, changed by `change`, as an office that lies would sign them. */
async function forged(change: (events: Exported[]) => Exported[]): Promise<string[]> {
  const [header = '', ...events] = sold.lines;
  const changed = change(events.map((line) => JSON.parse(line)));
  return signed([header, ...changed.map((event, n) => JSON.stringify({ ...event, position: n + 1 }))]);
}

async function signed(lines: readonly string[]): Promise<string[]> {
  const whole: string[] = [];
  for await (const line of signedExport(lines, key)) whole.push(line);
  return whole;
}

/** Runs the verifier where there is nothing but itself and the export. */
function verify(lines: readonly string[], ...more: string[]): Promise<{ code: number; out: string }> {
  writeFileSync(join(folder, 'export.jsonl'), `${lines.join('\n')}\n`);
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['verify.mjs', 'export.jsonl', ...more],
      { cwd: folder },
      (error, stdout, stderr) => {
        resolve({ code: Number(error?.code ?? 0), out: stdout + stderr });
      },
    );
  });
}

/** Changes the data of the first event of a type. */
const first = (type: string, change: (event: Exported) => void) => (events: Exported[]) => {
  const event = events.find((one) => one.type === type);
  if (event) change(event);
  return events;
};

it('holds for a performance that was sold, and says how much was checked', async () => {
  const { code, out } = await verify(await signed(sold.lines));
  expect(out).toContain('Everything holds.');
  expect(out).toContain('5 turns, 5 places admitted; 4 orders; 3 seats sold, 0 on hold');
  expect(out).toMatch(/ok +11 {2}one-owner/);
  expect(out).toMatch(/ok +5 {2}entry/);
  expect(sold.lines.find((line) => line.includes('"QueueOpened"'))).toContain('"shuffledCount":5');
  expect(code).toBe(0);
});

it('has no id of a person, turn, order or hold in it, and no name of a field that could identify one', async () => {
  const text = sold.lines.join('\n');
  const ids = new Set<unknown>();
  for (const { data } of await sold.side.store.readAll()) {
    const { userId, tokenId, orderId, holdId, paymentId, chargeId } = data as Record<string, unknown>;
    for (const id of [userId, tokenId, orderId, holdId, paymentId, chargeId]) if (id) ids.add(id);
  }
  expect(ids.size).toBeGreaterThan(20);
  expect([...ids].filter((id) => text.includes(String(id)))).toEqual([]);
  expect(text).not.toMatch(
    /loginId|username|"name"|passwordHash|actor|commandId|correlationId|paymentMethod/,
  );
  const again: string[] = [];
  for await (const line of exportLines(wholeLog(sold.side.store), performanceId, toInstant(0)))
    again.push(line);
  const fanIn = (lines: readonly string[]) => /fan-[0-9a-f]{20}/.exec(lines.join())?.[0];
  expect(fanIn(again)).not.toBe(fanIn(sold.lines));
});

it.each<[string, string, (events: Exported[]) => Exported[]]>([
  [
    'a seat sold twice',
    'one-owner: held by fan-',
    (events) => {
      const [one, other] = events.filter(({ type }) => type === 'SeatHeld');
      if (!one || !other) return events;
      // The second fan holds the seat that the first one has.
      const next = events.filter(({ stream }) => stream === one.stream).length;
      const twice = { ...other, stream: one.stream, revision: next };
      return [...events, twice];
    },
  ],
  [
    'a seat reserved under another fan’s hold',
    'one-owner: reserved for',
    first('SeatReserved', ({ data }) => {
      data.holdId = 'hold-x';
    }),
  ],
  [
    'a price that was not the ordered one',
    'sold-as-ordered:',
    first('SeatReserved', ({ data }) => {
      data.price = 1;
    }),
  ],
  [
    'a paid order without its seat',
    'paid-seats:',
    (events) => events.filter(({ type }) => type !== 'SeatReserved'),
  ],
  [
    'a fan who entered out of turn',
    'entry:',
    first('TokenEntered', ({ data }) => {
      data.place = (data.place + 1) % 5;
    }),
  ],
  [
    'a fan who held a seat without being let in',
    'held-in-turn:',
    (events) => events.filter(({ type }) => type !== 'TokenEntered'),
  ],
  [
    'a range that skips places',
    'ranges: places 1 to',
    first('TokensAdmitted', ({ data }) => {
      data.from = 1;
    }),
  ],
  [
    'a range beyond the numbers given',
    'ranges:',
    first('TokensAdmitted', ({ data }) => {
      data.to = 6;
    }),
  ],
  [
    'a seed other than the published one',
    'seed: the seed’s hash is not',
    first('QueueOpened', ({ data }) => {
      data.seed = 'ab'.repeat(32);
    }),
  ],
  [
    'a seed published after fans had joined',
    'seed: the seed’s hash was changed',
    (events) => [
      ...events.filter(({ type }) => type === 'TokenIssued'),
      ...events.filter(({ type }) => type !== 'TokenIssued'),
    ],
  ],
  [
    'an event left out of its stream',
    'revisions: revision',
    (events) => events.filter(({ type }) => type !== 'TokenRequested'),
  ],
])('names %s, and the event', async (_, finding, change) => {
  const { code, out } = await verify(await forged(change));
  expect(out).toContain(finding);
  expect(out).toMatch(/, \S+ @\d+, position \d+/);
  expect(code).toBe(1);
});

it('sees a file that was changed after it was written, or was signed by somebody else', async () => {
  const lines = await signed(sold.lines);
  const changed = lines.map((line) => line.replace('"price":100', '"price":10'));
  expect(await verify(changed)).toMatchObject({
    code: 1,
    out: expect.stringContaining('digest: the file was changed'),
  });
  const pem = (of: ReturnType<typeof createPublicKey>) =>
    of.export({ type: 'spki', format: 'pem' }).toString();
  writeFileSync(join(folder, 'ours.pem'), pem(createPublicKey(key)));
  writeFileSync(join(folder, 'theirs.pem'), pem(generateKeyPairSync('ed25519').publicKey));
  expect((await verify(lines, 'ours.pem')).code).toBe(0);
  expect(await verify(lines, 'theirs.pem')).toMatchObject({
    code: 1,
    out: expect.stringContaining('the signature is not right'),
  });
});

it('says so when it cannot read the file', async () => {
  expect(await verify(sold.lines)).toMatchObject({
    code: 2,
    out: expect.stringContaining('it is not complete'),
  });
  expect(await verify(['no export'])).toMatchObject({ code: 2 });
});
