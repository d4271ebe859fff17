import { randomUUID } from 'node:crypto';
import { adminKey } from './servers.js';

/** A fan who is inside and may hold seats. */
export interface ReadyFan {
  readonly accessToken: string;
  readonly queueToken: string;
}

export interface Sale {
  readonly performanceId: string;
  readonly scheduleId: string;
  readonly seatIds: readonly string[];
}

const seatsPerSection = 1000;

async function call(
  url: string,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Record<string, unknown>> {
  const response = await fetch(new URL(path, url), {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  if (response.status === 503) {
    await response.arrayBuffer();
    await new Promise((resolve) => setTimeout(resolve, Number(response.headers.get('retry-after')) * 1000));
    return call(url, path, body, headers);
  }
  const answer = (await response.json()) as Record<string, unknown>; // our own API answers JSON objects
  if (!response.ok) throw new Error(`${path}: ${response.status} ${JSON.stringify(answer)}`);
  return answer;
}

/** Puts a hall of `sections` × 1,000 seats on sale. */
export async function openSale(url: string, sections: number): Promise<Sale> {
  const seatIds: string[] = [];
  const plan = Array.from({ length: sections }, (_, section) => ({
    sectionId: `S${section}`,
    name: `Section ${section}`,
    rows: Array.from({ length: seatsPerSection / 50 }, (_, row) => ({
      label: `R${row}`,
      seats: Array.from({ length: 50 }, (_, seat) => {
        const seatId = `S${section}-R${row}-${seat}`;
        seatIds.push(seatId);
        return { seatId, number: String(seat), category: 'standard', x: seat, y: section * 30 + row };
      }),
    })),
  }));
  const startsAt = new Date(Date.now() + 30 * 86_400_000).toISOString();
  const date = startsAt.slice(0, 10);
  const sales = {
    seatLimitPerUser: 20,
    maxActive: 100_000,
    admitPerSecond: 10_000,
    holdTtlMs: 3_600_000,
    serviceWindowMs: 7_200_000,
    // Fans here hold and give back for as long as it is measured.
    maxLapsedHolds: 50,
    maxReleasedHolds: 50,
    seatCoolDownMs: 0,
    idleWindowMs: 7_200_000,
    seatReturnWindowMs: 0,
  };
  const report = await call(
    url,
    '/v1/admin/imports',
    {
      format: 'boxoffice-catalog',
      version: 1,
      source: 'bench',
      venues: [{ id: 'hall', name: 'Hall', location: 'Here', sections: plan }],
      performances: [
        {
          id: 'show',
          venue: 'hall',
          name: 'Show',
          description: '',
          startDate: date,
          endDate: date,
          prices: [{ category: 'standard', price: 100 }],
          sales,
          schedules: [{ id: '1', startsAt }],
        },
      ],
    },
    { authorization: `Bearer ${adminKey}` },
  );
  const records = report.records as { kind: string; id: string }[]; // the import report's records
  const idOf = (kind: string) => records.find((record) => record.kind === kind)?.id ?? '';
  return { performanceId: idOf('performance'), scheduleId: idOf('schedule'), seatIds };
}

/** Registers fans, logs them in and brings them through the queue, `atOnce` at a time. */
export async function bringFansIn(url: string, sale: Sale, count: number, atOnce = 32): Promise<ReadyFan[]> {
  const fans: ReadyFan[] = [];
  let left = count;
  const worker = async () => {
    while (left-- > 0) fans.push(await bringIn(url, sale));
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return fans;
}

async function bringIn(url: string, { performanceId }: Sale): Promise<ReadyFan> {
  const person = { loginId: `fan-${randomUUID().slice(0, 13)}`, password: 'a long password' };
  await call(url, '/v1/users', { ...person, username: 'Fan', name: 'Fan' });
  const { accessToken } = await call(url, '/v1/auth/login', person);
  const authorization = { authorization: `Bearer ${accessToken}` };
  const path = `/v1/performances/${performanceId}/queue-token`;
  const { queueToken } = await call(url, path, { numberOfTickets: 1 }, authorization);
  const tokens = { accessToken: String(accessToken), queueToken: String(queueToken) };
  for (;;) {
    const entering = await fetch(new URL(`${path}/enter`, url), {
      method: 'POST',
      headers: { ...authorization, 'x-queue-token': tokens.queueToken },
    });
    await entering.arrayBuffer();
    if (entering.ok) return tokens;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
