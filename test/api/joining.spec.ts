import { type Position } from '../../src/event-store/port.js';
import { type Instant, toInstant } from '../../src/events/ids.js';
import { QueueBoard, type QueueState, type TokenState } from '../../src/queries/queue-board.js';
import { type ApiUnderTest, performanceId, startApi, tokenId } from './api-under-test.js';

const queue: QueueState = {
  capacity: 100_000,
  max_active: 1,
  admit_per_second: 1,
  service_window_ms: 1_000,
  opens_at: null,
  opened: true,
  shuffled_count: 0,
  issued: 7,
  admitted_up_to: 0,
  waiting: 7,
  admitted: 1,
  entered: 0,
};
const waiting: TokenState = {
  tokenId,
  performanceId,
  number: 6,
  place: 6,
  status: 'waiting',
  enterBefore: null,
  expiresAt: null,
  numberOfTickets: 2,
  position: 5,
};
const url = `/v1/performances/${performanceId}/queue-token`;
const queueToken = { value: 'signed', expiresAt: toInstant(0) };
const issued = { tokenId, performanceId, number: 7, queueToken };

let api: ApiUnderTest;
let tokens: TokenState[];
let shown: QueueState;
let freeSeats: number;
beforeEach(async () => {
  tokens = [];
  shown = queue;
  freeSeats = 9;
  api = await startApi({
    reads: {
      queueBoard: async () =>
        new QueueBoard(performanceId, shown, { dates: [dateToCome(api.clock.nowMs())], closesAt: null }, 5),
      queueTokens: async () => tokens,
    },
  });
  api.position.at = 5 as Position; // a position of this test's own log
});
afterEach(() => api.app.close());

function dateToCome(nowMs: number) {
  const schedule_date_time: Instant = toInstant(nowMs + 86_400_000);
  const counts = { capacity: 9, available_seats: freeSeats, held_seats: 9 - freeSeats };
  const schedule_id = '55555555-5555-4555-8555-555555555555' as never; // an id that nothing here looks at
  return { schedule_id, status: 'scheduled' as const, schedule_date_time, ...counts };
}

const join = () =>
  api.app.inject({ method: 'POST', url, headers: api.accessHeaders(), payload: { numberOfTickets: 2 } });
const ask = () => api.app.inject({ url, headers: api.fanHeaders() });

describe('a fan who joins', () => {
  it('is told the place at once, however late the read models are, and has it from then on', async () => {
    api.commands.handler = () => ({ ...issued, isNew: true, requestedAt: 10, position: 11 });
    const reply = await join();
    expect(reply.statusCode).toBe(201);
    const place = { number: 7, place: 7, status: 'waiting', ahead: 7, estimatedWaitSeconds: 8 };
    expect(reply.json()).toMatchObject({ ...place, queueToken: 'signed', numberOfTickets: 2, position: 11 });
    expect(api.position.waited).toEqual([]);
    const asked = await ask();
    expect([asked.statusCode, asked.json()]).toEqual([200, expect.objectContaining(place)]);
  });

  it('again is told the place as the read models know it', async () => {
    tokens = [
      { ...waiting, number: 7, place: 7, status: 'entered', expiresAt: toInstant(1e13), position: 11 },
    ];
    api.commands.handler = () => ({ ...issued, isNew: false, requestedAt: undefined, position: 11 });
    const reply = await join();
    expect(reply.statusCode).toBe(200);
    expect(reply.json()).toMatchObject({ number: 7, status: 'entered' });
    expect(api.position.waited).toMatchObject([{ position: 11 }]);
  });
});

describe('a fan who waits', () => {
  it.each([
    ['30 seconds when the turn is far away', 100, 30],
    ['half of the estimated wait', 20, 11],
    ['2 seconds when the turn is near', 0, 2],
  ])('is told to ask again after %s', async (_, ahead, seconds) => {
    shown = { ...queue, issued: ahead + 1, waiting: ahead + 1 };
    tokens = [{ ...waiting, number: ahead, place: ahead }];
    expect((await ask()).headers['retry-after']).toBe(String(seconds));
  });

  it('is told to ask again after 15 seconds when nothing can be estimated', async () => {
    tokens = [waiting];
    freeSeats = 0;
    const reply = await ask();
    expect(reply.json()).toMatchObject({ estimatedWaitSeconds: null });
    expect(reply.headers['retry-after']).toBe('15');
  });

  it('is told to ask again after 15 seconds before the opening, since any place may be drawn', async () => {
    shown = { ...queue, opened: false, opens_at: toInstant(api.clock.nowMs() + 3_600_000) };
    tokens = [{ ...waiting, place: null }];
    const reply = await ask();
    expect(reply.json()).toMatchObject({ estimatedWaitSeconds: 3_607 });
    expect(reply.headers['retry-after']).toBe('15');
  });

  it('is not told so any more once let in', async () => {
    tokens = [{ ...waiting, status: 'admitted', enterBefore: toInstant(1e13) }];
    const reply = await ask();
    expect(reply.json()).toMatchObject({ status: 'admitted' });
    expect(reply.headers['retry-after']).toBeUndefined();
  });
});
