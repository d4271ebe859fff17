import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { cli } from '../cli/captured-terminal.js';
import { call, Fan, times } from './fan.js';
import { type AnyOffice, modes, type OfficeOfOurs, openTimeoutMs } from './modes.js';
import { openSmallHall, type SmallHall } from './small-hall.js';
import { tamperWithPayments, tamperWithReadModels } from './storage.js';

/** Somebody buys a seat, and somebody else's card is declined. */
async function trade(office: AnyOffice): Promise<SmallHall> {
  const hall = await openSmallHall(office, { rows: 1, seatsPerRow: 4 });
  const fan = await new Fan(office).arrive();
  await fan.charge(1_000);
  await fan.queue(hall.performanceId);
  await fan.hold(hall.scheduleId, ['R1-1']);
  expect((await fan.pay()).status).toBe(201);
  await (await new Fan(office).arrive()).charge(500, undefined, 'card-decline');
  return hall;
}

describe.each(modes)('audit verify beside an office $mode', ({ open }) => {
  let office: OfficeOfOurs;
  beforeAll(async () => {
    office = await open();
    await trade(office);
  }, openTimeoutMs);
  afterAll(() => office.close());

  it('finds log, read models and payments in agreement', async () => {
    const { code, stdout } = await cli(['audit', 'verify', '--as-of', 'now', '--json'], office.environment);
    const { readModels, payments, boards, ...report } = JSON.parse(stdout);
    expect(boards).toEqual({ skipped: 'not asked for' });
    expect(report).toMatchObject({ clean: true, findings: [] });
    expect(readModels).toMatchObject({ clean: true, differences: [] });
    expect(readModels.tables.find(({ table }: { table: string }) => table === 'reservations').rows).toBe(1);
    expect(payments).toMatchObject({ clean: true, payments: 2, taken: 1_000, charged: 1_000 });
    expect(code).toBe(0);
  });
});

describe.each(modes)('the memory of an office $mode', ({ open }) => {
  let office: OfficeOfOurs;
  let hall: SmallHall;
  beforeAll(async () => {
    office = await open();
    hall = await trade(office);
    // Of several processes each has a memory of its own, and requests take turns.
    await times(8, 1, () => call(office.url, 'GET', `/v1/schedules/${hall.scheduleId}/seats/status`));
  }, openTimeoutMs);
  afterAll(() => office.close());

  const verify = async () =>
    cli(['audit', 'verify', '--log-only', '--json', '--server', office.url], office.environment);

  it('is compared with the tables by the server that is named', async () => {
    const { code, stdout } = await verify();
    const { items } = JSON.parse(stdout).boards;
    expect(items).toContainEqual({ kind: 'seats', id: hall.scheduleId, outcome: 'same', differences: [] });
    expect(items.map(({ outcome }: { outcome: string }) => outcome)).not.toContain('different');
    expect(code).toBe(0);
  });

  it('is found to differ when a seat is free in the tables alone', async () => {
    await tamperWithReadModels(
      office.config,
      "UPDATE schedule_seats SET status = 'free' WHERE seat_id = 'R1-1'",
    );
    const { code, stdout } = await verify();
    const { items } = JSON.parse(stdout).boards;
    const differences = ['R1-1: reserved, in the tables free'];
    expect(items).toContainEqual({ kind: 'seats', id: hall.scheduleId, outcome: 'different', differences });
    expect(code).toBe(1);
  });
});

describe.each(modes)('the log of an office $mode', ({ open }) => {
  let office: OfficeOfOurs;
  let hall: SmallHall;
  beforeAll(async () => {
    office = await open();
    hall = await trade(office);
    await office.stop();
  }, openTimeoutMs);
  afterAll(() => office.close());

  it('exports the proof of a sale together with the program that checks it', async () => {
    const [out, verifier] = [
      join(office.config.DATA_DIR, 'sale.jsonl'),
      join(office.config.DATA_DIR, 'verify.mjs'),
    ];
    const args = ['audit', 'export', hall.performanceId, '--out', out, '--verifier', verifier];
    expect(await cli(args, office.environment)).toMatchObject({ code: 0, stderr: '' });
    const key = join(office.config.DATA_DIR, 'seal-key.pub.pem');
    const told = execFileSync(process.execPath, [verifier, out, key], { encoding: 'utf8' });
    expect(told).toContain('1 seats sold');
    expect(told).toContain('Everything holds.');
  });

  it('names row, column and event of a changed read model, and leaves it out when told to', async () => {
    await tamperWithReadModels(office.config, 'UPDATE points SET remain_point = remain_point + 1');
    const text = await cli(['audit', 'verify'], office.environment);
    expect(text.code).toBe(1);
    expect(text.stdout).toMatch(/points: the row of user_id \S+ differs/);
    expect(text.stdout).toMatch(
      /remain_point is 901, the log says 900: PointsSpent, wallet-\S+ @1, position \d+/,
    );
    for (const option of ['--log-only', '--skip-read-models']) {
      expect((await cli(['audit', 'verify', option], office.environment)).code).toBe(0);
    }
    const back = 'UPDATE points SET remain_point = remain_point - 1 WHERE remain_point > 0';
    await tamperWithReadModels(office.config, back);
  });

  it('names a payment that was changed, and leaves payments out when told to', async () => {
    tamperWithPayments(office.config, "UPDATE payments SET amount = 999 WHERE status = 'approved'");
    const { code, stdout } = await cli(['audit', 'verify', '--skip-read-models'], office.environment);
    expect([code, stdout]).toEqual([
      1,
      expect.stringMatching(/payment-amount: payment pay_\S+ took 999 points/),
    ]);
    const skipping = ['audit', 'verify', '--skip-payments', '--skip-read-models'];
    expect((await cli(skipping, office.environment)).code).toBe(0);
    tamperWithPayments(office.config, "UPDATE payments SET amount = 1000 WHERE status = 'approved'");
  });

  it('cannot compare read models whose tables are gone, and says how to go on without', async () => {
    await tamperWithReadModels(office.config, 'ALTER TABLE payments RENAME TO gone');
    const { code, stderr } = await cli(['audit', 'verify'], office.environment);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/payments.*\(--skip-read-models/)]);
    expect(stderr).toMatch(/no such table|doesn't exist/);
  });
});
