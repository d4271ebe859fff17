/**
 * Fans who hold seats and never pay, in front of fans who buy: how long the latter wait, and how many buy a second, without
 * the former, and with them under the rules about holds without a payment and without these. See bench/README.md.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { adminKey, officeEnvironment, startServer, stopServer } from './http/servers.js';
import { Workplace } from './workplace.js';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    folder: { type: 'string', default: 'data' },
    fans: { type: 'string', default: '60' },
    griefers: { type: 'string', default: '60' },
    'max-active': { type: 'string', default: '20' },
    'hold-seconds': { type: 'string', default: '3' },
    'service-seconds': { type: 'string', default: '30' },
  },
});
const fans = Number(values.fans);
const griefers = Number(values.griefers);
const holdTtlMs = Number(values['hold-seconds']) * 1_000;
const serviceWindowMs = Number(values['service-seconds']) * 1_000;
const seatsPerRow = 50;
const price = 100;
const pollMs = 200;
/** Between holding seats and paying for them. */
const thinkMs = 300;

/** Everything a sale has, but the rules about holds without a payment. */
const sales = {
  seatLimitPerUser: 4,
  maxActive: Number(values['max-active']),
  admitPerSecond: 50,
  claimWindowMs: 30_000,
  serviceWindowMs,
  holdTtlMs,
};
const rules = { maxLapsedHolds: 2, maxReleasedHolds: 4, seatCoolDownMs: 60_000, idleWindowMs: 5_000 };
/** As far as rules can be relaxed. */
const noRules = {
  maxLapsedHolds: 50,
  maxReleasedHolds: 50,
  seatCoolDownMs: 0,
  idleWindowMs: serviceWindowMs,
};

interface Reply {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** One account, on its way through the queue of one performance. */
class Client {
  #access = '';
  #queueToken: string | undefined;

  constructor(
    private readonly url: string,
    private readonly performanceId: string,
  ) {}

  async register(): Promise<void> {
    const person = { loginId: `fan-${randomUUID().slice(0, 13)}`, password: `${randomUUID()} long` };
    await this.expect('/v1/users', { ...person, username: 'Fan', name: 'Fan' });
    this.#access = String((await this.expect('/v1/auth/login', person)).accessToken);
  }

  async join(): Promise<void> {
    this.#queueToken = undefined;
    this.#queueToken = String((await this.expect(this.#queue(), { numberOfTickets: 4 })).queueToken);
  }

  /** Waits for its turn. @returns false when it was lost. */
  async enter(signal: AbortSignal): Promise<boolean> {
    for (; !signal.aborted; await delay(pollMs)) {
      const { status, body } = await this.send('POST', `${this.#queue()}/enter`);
      if (status < 300) return true;
      if (body.code === 'token-ended') return false;
    }
    return false;
  }

  /** @throws when it is refused. */
  async expect(path: string, body: unknown): Promise<Reply['body']> {
    const reply = await this.send('POST', path, body);
    if (reply.status >= 300) throw new Error(`${path}: ${reply.status} ${JSON.stringify(reply.body)}`);
    return reply.body;
  }

  async send(method: string, path: string, body?: unknown): Promise<Reply> {
    const response = await fetch(new URL(path, this.url), {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(this.#access === '' ? {} : { authorization: `Bearer ${this.#access}` }),
        ...(this.#queueToken === undefined ? {} : { 'x-queue-token': this.#queueToken }),
        'idempotency-key': randomUUID(),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    // Our own API answers JSON objects.
    return { status: response.status, body: (await response.json()) as Reply['body'] };
  }

  #queue(): string {
    return `/v1/performances/${this.performanceId}/queue-token`;
  }
}

interface Hall {
  readonly performanceId: string;
  readonly scheduleId: string;
}

/** Puts a hall with enough seats for everybody on sale. */
async function openHall(url: string, limits: typeof rules): Promise<Hall> {
  const rows = Math.ceil(((fans + griefers) * sales.seatLimitPerUser) / seatsPerRow) + 1;
  const startsAt = new Date(Date.now() + 30 * 86_400_000).toISOString();
  const day = startsAt.slice(0, 10);
  const response = await fetch(new URL('/v1/admin/imports', url), {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${adminKey}` },
    body: JSON.stringify({
      format: 'boxoffice-catalog',
      version: 1,
      source: 'bench',
      venues: [{ id: 'hall', name: 'Hall', location: 'Here', sections: [sectionOf(rows)] }],
      performances: [
        {
          id: 'show',
          venue: 'hall',
          name: 'Show',
          startDate: day,
          endDate: day,
          prices: [{ category: '*', price }],
          sales: { ...sales, ...limits },
          schedules: [{ id: '1', startsAt }],
        },
      ],
    }),
  });
  if (!response.ok) throw new Error(`import: ${response.status} ${await response.text()}`);
  const { records } = (await response.json()) as { records: { kind: string; id: string }[] }; // the import report
  const idOf = (kind: string) => records.find((record) => record.kind === kind)?.id ?? '';
  return { performanceId: idOf('performance'), scheduleId: idOf('schedule') };
}

function sectionOf(rowCount: number) {
  const rows = Array.from({ length: rowCount }, (_, row) => ({
    label: `R${row}`,
    seats: Array.from({ length: seatsPerRow }, (_, seat) => ({
      seatId: `R${row}-${seat}`,
      number: String(seat),
      category: 'standard',
      x: seat,
      y: row,
    })),
  }));
  return { sectionId: 'S', name: 'Section', rows };
}

const holdBody = (quantity: number) => ({ bestAvailable: { quantity } });

/** Holds as much as it can, never pays, and queues again whenever its turn is over. */
async function grief(client: Client, { scheduleId }: Hall, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    if (!(await client.enter(signal))) {
      if (signal.aborted) return;
      await client.join();
      continue;
    }
    for (; !signal.aborted; await delay(pollMs)) {
      const path = `/v1/schedules/${scheduleId}/holds`;
      const { body } = await client.send('POST', path, holdBody(sales.seatLimitPerUser));
      if (body.code === 'token-ended') break;
    }
  }
}

/** Enters, holds two seats and pays. @returns how long the wait was, and when it had bought, ms. */
async function buy(client: Client, { scheduleId }: Hall): Promise<{ waitedMs: number; boughtAtMs: number }> {
  const joinedAtMs = performance.now();
  await client.join();
  const isIn = await client.enter(new AbortController().signal);
  const waitedMs = performance.now() - joinedAtMs;
  if (!isIn) throw new Error('an honest fan lost the turn');
  await client.expect(`/v1/schedules/${scheduleId}/holds`, holdBody(2));
  await delay(thinkMs);
  await client.expect('/v1/orders', {});
  return { waitedMs, boughtAtMs: performance.now() };
}

interface Row {
  readonly run: string;
  readonly 'waited p50 s': number;
  readonly 'waited p99 s': number;
  readonly 'all bought after s': number;
  readonly 'buyers a second': number;
}

async function play(
  run: string,
  workplace: Workplace,
  grieferCount: number,
  limits: typeof rules,
): Promise<Row> {
  const office = await startServer('hold-server.js', officeEnvironment(`${workplace.folder}/${run}`));
  workplace.endWith(office.child);
  const hall = await openHall(office.url, limits);
  const open = async (count: number) => {
    const clients: Client[] = [];
    for (let n = 0; n < count; n++) {
      const client = new Client(office.url, hall.performanceId);
      await client.register();
      clients.push(client);
    }
    return clients;
  };
  const [honest, hostile] = [await open(fans), await open(grieferCount)];
  for (const client of honest)
    await client.expect('/v1/wallet/charges', { amount: 2 * price, paymentMethod: 'card-approve' });
  for (const client of hostile) await client.join();
  const end = new AbortController();
  const griefing = Promise.all(hostile.map((client) => grief(client, hall, end.signal)));
  const startedAtMs = performance.now();
  const bought = await Promise.all(honest.map((client) => buy(client, hall)));
  end.abort();
  await griefing;
  await stopServer(office);
  const waits = bought.map(({ waitedMs }) => waitedMs).sort((a, b) => a - b);
  const seconds = (Math.max(...bought.map(({ boughtAtMs }) => boughtAtMs)) - startedAtMs) / 1_000;
  const at = (share: number) =>
    Math.round((waits[Math.floor(waits.length * share)] ?? Number.NaN) / 100) / 10;
  return {
    run,
    'waited p50 s': at(0.5),
    'waited p99 s': at(0.99),
    'all bought after s': Math.round(seconds * 10) / 10,
    'buyers a second': Math.round((fans / seconds) * 10) / 10,
  };
}

const workplace = new Workplace(values.folder, 'griefers');
try {
  const rows = [
    await play('no griefers', workplace, 0, rules),
    await play('griefers, rules', workplace, griefers, rules),
    await play('griefers, no rules', workplace, griefers, noRules),
  ];
  if (values.json) console.log(JSON.stringify(rows));
  else console.table(rows);
} finally {
  await workplace.clear();
}
