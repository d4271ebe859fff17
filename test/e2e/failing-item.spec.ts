import { pino } from 'pino';
import { appendOneByOne } from '../../src/event-store/append.js';
import type { EventStore, Subscription, SubscriptionBatch } from '../../src/event-store/port.js';
import { eventually } from '../services/wait-until.js';
import { call, Fan } from './fan.js';
import { Office } from './office.js';
import { openSmallHall } from './small-hall.js';

/** A store that refuses some appends, and whose subscriptions can be ended by an error. */
function fragile(store: EventStore) {
  const faults = {
    refuses: (_stream: string, _type: string): boolean => false,
    breakAll: () => breaks.splice(0).forEach((end) => void end()),
  };
  const breaks: (() => void)[] = [];
  const subscribe: EventStore['subscribe'] = (options, handler): Subscription => {
    let isBroken = false;
    const inner = store.subscribe(options, (batch: SubscriptionBatch) => handler(batch));
    breaks.push(() => {
      isBroken = true;
      void inner.stop();
    });
    const done = inner.done.then(() => {
      if (isBroken) throw new Error('the connection was lost');
    });
    return { stop: () => inner.stop(), done };
  };
  const append: EventStore['append'] = async (stream, expected, events) => {
    if (events.some(({ type }) => faults.refuses(stream, type))) throw new Error('a bad block on the disk');
    return store.append(stream, expected, events);
  };
  const wrapped: EventStore = {
    append,
    appendInOrder: (appends) => appendOneByOne({ append }, appends),
    readStream: (stream, options) => store.readStream(stream, options),
    readCategory: (category, options) => store.readCategory(category, options),
    readAll: (options) => store.readAll(options),
    subscribe,
    head: () => store.head(),
    close: () => store.close(),
  };
  return { wrapped, faults };
}

describe('a stream that cannot be written to', () => {
  let office: Office;
  let faults: ReturnType<typeof fragile>['faults'];
  const lines: { level: number; msg: string; process?: string; item?: string }[] = [];

  beforeAll(async () => {
    const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
    office = await Office.open(
      { SWEEP_INTERVAL_MS: '50' },
      {
        log,
        wrapStore: (store) => {
          const made = fragile(store);
          faults = made.faults;
          return made.wrapped;
        },
      },
    );
  });
  afterAll(() => office.close());

  async function metric(name: string): Promise<number> {
    const headers = { authorization: `Bearer ${office.config.ADMIN_KEY}` };
    const { body } = await call(office.url, 'GET', '/metrics', { headers });
    const line = String(body)
      .split('\n')
      .find((one) => one.startsWith(name));
    return Number(line?.split(' ').at(-1));
  }

  it('keeps one hold and no other, is reported once, and is done when it can be written to', async () => {
    const hall = await openSmallHall(office, { rows: 1, seatsPerRow: 4, sales: { holdTtlMs: 5_000 } });
    const freeSeats = async () =>
      (await call(office.url, 'GET', `/v1/schedules/${hall.scheduleId}/availability`)).body;
    const [stuck, other, third] = await Promise.all(
      [1, 2, 3].map(async () => (await new Fan(office).arrive()).queue(hall.performanceId)),
    );
    faults.refuses = (stream, type) => type === 'SeatHoldExpired' && stream.endsWith('R1-1');
    const ended = () =>
      lines.filter(({ msg }) => msg === 'an item fails; the others go on, and it is tried again');
    expect((await stuck?.hold(hall.scheduleId, ['R1-1']))?.status).toBe(201);
    expect((await other?.hold(hall.scheduleId, ['R1-2']))?.status).toBe(201);
    await eventually(() => ended().length > 0);
    const failures = 'boxoffice_process_item_failures_total{process="expiry"}';
    await eventually(async () => (await metric(failures)) > 4);
    expect(await metric('boxoffice_process_failing_items{process="expiry"}')).toBe(1);
    expect(ended()).toMatchObject([{ level: 50, process: 'expiry' }]);

    // Events are followed anew, and a hold taken after that ends by its timer as the others do.
    faults.breakAll();
    await eventually(
      async () => (await metric('boxoffice_subscription_restarts_total{process="expiry"}')) > 0,
    );
    expect((await third?.hold(hall.scheduleId, ['R1-3']))?.status).toBe(201);
    faults.refuses = () => false;
    const again = () => lines.filter(({ msg }) => msg === 'an item that failed works again');
    await eventually(() => again().length > 0);
    expect(again()).toMatchObject([{ process: 'expiry', item: ended()[0]?.item }]);
    await eventually(async () => (await metric('boxoffice_process_failing_items{process="expiry"}')) === 0);
    await eventually(async () => (await freeSeats()).available === 4);
    expect(ended()).toHaveLength(1);
  });
});
