import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditLog } from '../../src/analysis/audit/auditor.js';
import { dataFiles } from '../../src/app/engines.js';
import { pagesOf } from '../../src/event-store/reading.js';
import { openSqliteEventStore } from '../../src/event-store/sqlite/sqlite-event-store.js';
import { verifyEvent } from '../../src/events/registry.js';
import { contradictions, readBooks, wholeLog } from '../commands/audit.js';
import { scheduleId } from '../commands/theatre.js';
import { call } from '../e2e/fan.js';
import { OfficeProcess } from '../e2e/guarded-office.js';
import { testEnvironment } from '../e2e/test-environment.js';
import { bySize } from '../services/test-size.js';
import { eventually } from '../services/wait-until.js';
import { chargedPoints, sellDate } from './sold-out-date.js';

/**
 * The end of a hold, or one refund, stands still at each of these moments; then the process is killed. Eight are under way
 * at the same time.
 */
const moments = [
  'after:SeatHoldReleased',
  'after:OrderCancelled',
  'before:PointsRefunded',
  'after:PointsRefunded',
  'after:SeatReservationCancelled',
  'after:SeatsReturned',
  'before:OrderRefunded',
];

const date = { orders: bySize(12, 1_000), seatsPerOrder: 4, holders: 3 };
let folder: string;
let office: OfficeProcess | undefined;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'boxoffice-cancelled-'));
});
afterAll(async () => {
  await office?.kill();
  rmSync(folder, { recursive: true, force: true });
});

const dataDir = () => join(folder, 'data');
const logFile = () => join(dataDir(), dataFiles.log);
const start = async (name: string, env: Record<string, string> = {}) => {
  office = await OfficeProcess.start({ DATA_DIR: dataDir(), ...env }, join(folder, name));
  return office;
};
const asOperator = (method: string, path: string, body?: unknown) =>
  call(office?.url ?? '', method, path, {
    body,
    headers: { authorization: `Bearer ${testEnvironment.ADMIN_KEY}` },
  });

async function refundedOrders(): Promise<number> {
  const store = await openSqliteEventStore({ file: logFile(), readOnly: true });
  try {
    let count = 0;
    for await (const page of pagesOf((options) => store.readCategory('order', options)))
      count += page.filter(({ type }) => type === 'OrderRefunded').length;
    return count;
  } finally {
    await store.close();
  }
}

/** How often each event is in the log, those of an order, a seat or a hold by its name. */
async function readCounts() {
  const store = await openSqliteEventStore({ file: logFile(), readOnly: true });
  try {
    const log = await wholeLog(store);
    const events = log.map((recorded) => ({ ...verifyEvent(recorded), stream: recorded.stream }));
    const of = (type: string) => events.filter((event) => event.type === type).map(({ stream }) => stream);
    const holds = events.filter(
      ({ type, data }) => type === 'SeatsReturned' && data.reason === 'schedule-cancelled',
    );
    const [books, wrong, audit] = [
      await readBooks(store),
      await contradictions(store),
      await auditLog(store),
    ];
    return { of, holds: holds.length, books, wrong, findings: audit.findings };
  } finally {
    await store.close();
  }
}

it('gives back every order and hold of a cancelled date once, also when it is killed in the middle', async () => {
  mkdirSync(dataDir(), { recursive: true });
  await sellDate(logFile(), date);
  // What stands still must not be taken up by the recovery of the same process.
  const doomed = await start('doomed', { HALT_AT: moments.join(','), RESUME_AFTER_MS: '600000' });
  const cancelled = await asOperator('POST', `/v1/admin/schedules/${scheduleId}/cancel`, {
    reason: 'the singer is ill',
  });
  expect(cancelled.status).toBe(200);
  await doomed.halted(moments.length);
  await doomed.kill();
  expect(await refundedOrders()).toBeLessThan(date.orders);

  await start('successor');
  await eventually(async () => {
    const { body } = await asOperator('GET', `/v1/admin/schedules/${scheduleId}/cancellation`);
    return body.settledAt !== null && body.seatsReserved === 0 && body.seatsHeld === 0;
  });
  // The recovery writes the last event of orders whose seats and points were back when the process was killed.
  await eventually(async () => (await refundedOrders()) >= date.orders, { everyMs: 500 });

  const { of, holds, books, wrong, findings } = await readCounts();
  for (const type of ['OrderCancelled', 'OrderRefunded', 'PointsRefunded']) {
    expect([type, of(type).length, new Set(of(type)).size]).toEqual([type, date.orders, date.orders]);
  }
  const sold = date.orders * date.seatsPerOrder;
  expect([of('SeatReservationCancelled').length, new Set(of('SeatReservationCancelled')).size]).toEqual([
    sold,
    sold,
  ]);
  expect(of('SeatHoldReleased')).toHaveLength(date.holders * date.seatsPerOrder);
  expect(holds).toBe(date.holders);
  expect(of('ScheduleCancellationSettled')).toHaveLength(1);
  expect([...books.wallets.values()].filter(({ balance }) => balance !== chargedPoints)).toEqual([]);
  expect({ wrong, findings }).toEqual({ wrong: [], findings: [] });
});
