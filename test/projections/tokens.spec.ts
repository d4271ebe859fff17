import { drawnPlaces, shuffledPlaces } from '../../src/domain/shuffle.js';
import type { UserId } from '../../src/events/ids.js';
import { streams } from '../../src/events/streams.js';
import { closeAll, History, id, minute, project, rowsOf } from './history.js';
import { joon, mina, order, performanceId, Story, seed, tokenOf } from './story.js';

afterEach(closeAll);

function begin() {
  const history = new History();
  return { history, story: new Story(history) };
}

async function tokens(history: History) {
  const models = await project(history);
  const rows = await rowsOf<{ token_id: string; number: number; place: number; status: string }>(
    models,
    'tokens',
  );
  const [queue] = await rowsOf(models, 'queues');
  return { of: (userId: UserId) => rows.find((row) => row.token_id === tokenOf(userId)), rows, queue };
}

it('numbers tokens by the revision in the queue and knows no place before the opening', async () => {
  const { history, story } = begin();
  await story.concert();
  await story.queue(mina);
  await story.queue(joon);
  const { of, queue } = await tokens(history);
  expect(of(mina)).toMatchObject({
    number: 0,
    place: null,
    status: 'waiting',
    token_value: `${tokenOf(mina)}.${mina}.${performanceId}`,
    number_of_tickets: 2,
    reservation_time: minute(5),
  });
  expect(of(joon)).toMatchObject({ number: 1, place: null });
  expect(queue).toMatchObject({ issued: 2, waiting: 2, opened: 0, capacity: 3, max_active: 2 });
});

it('lets the first number of a token count', async () => {
  const { history, story } = begin();
  await story.queue(mina);
  await story.issue(mina);
  const { of, queue } = await tokens(history);
  expect(of(mina)).toMatchObject({ number: 0 });
  expect(queue).toMatchObject({ issued: 2, waiting: 1 });
});

it('draws the places of those who came early and appends the others', async () => {
  const { history, story } = begin();
  const early = Array.from({ length: 7 }, (_, index) => id<UserId>(`early ${index}`));
  for (const userId of early) await story.queue(userId);
  await story.open(early.length);
  await story.queue(mina);
  const { of, queue } = await tokens(history);
  expect(early.map((userId) => of(userId)?.place)).toEqual([...shuffledPlaces(seed, early.length)]);
  expect(of(mina)).toMatchObject({ number: 7, place: 7 });
  expect(queue).toMatchObject({ opened: 1, seed, shuffled_count: 7 });
});

it('draws the places by all that decides them, and shows what will be drawn before', async () => {
  const { history, story } = begin();
  const early = Array.from({ length: 7 }, (_, index) => id<UserId>(`early ${index}`));
  for (const userId of early) await story.queue(userId);
  const tokensDigest = 'cd'.repeat(32);
  await story.closeDraw(7, tokensDigest, 1000);
  const before = await tokens(history);
  const closed = {
    opened: 0,
    seed: null,
    shuffled_count: 7,
    tokens_digest: tokensDigest,
    beacon_round: 1000,
  };
  expect(before.queue).toMatchObject({ ...closed, beacon_signature: null });
  expect(before.of(early[0] ?? mina)).toMatchObject({ place: null });
  const beacon = { chain: 'drand-quicknet', round: 1000, signature: '12'.repeat(48) } as const;
  await story.open(7, { tokensDigest, beacon });
  const { of, queue } = await tokens(history);
  const places = [...drawnPlaces({ seed, shuffledCount: 7, tokensDigest, beacon })];
  expect(places).not.toEqual([...shuffledPlaces(seed, 7)]);
  expect(early.map((userId) => of(userId)?.place)).toEqual(places);
  expect(queue).toMatchObject({ opened: 1, seed, beacon_signature: beacon.signature });
});

it('admits waiting tokens of a range of places and passes over those who left', async () => {
  const { history, story } = begin();
  await story.open(0);
  const fans = [mina, joon, id<UserId>('late')];
  for (const userId of fans) await story.queue(userId);
  await story.leave(joon);
  await story.admit(0, 2, minute(300));
  const { rows, of, queue } = await tokens(history);
  expect(rows).toHaveLength(3);
  expect(of(mina)).toMatchObject({ status: 'admitted', claim_until: minute(300), admitted_at: minute(100) });
  expect(of(joon)).toMatchObject({ status: 'left' });
  expect(of(id<UserId>('late'))).toMatchObject({ status: 'waiting', claim_until: null });
  expect(queue).toMatchObject({ admitted_up_to: 2, waiting: 1, admitted: 1, last_admitted_at: minute(100) });
});

it('follows a token inside and out again', async () => {
  const { history, story } = begin();
  await story.open(0);
  await story.queue(mina);
  await story.queue(joon);
  await story.admit(0, 2);
  await story.enter(mina, 0, minute(700));
  const token = { tokenId: tokenOf(joon), userId: joon, performanceId };
  await history.add(streams.token(token.tokenId), {
    type: 'TokenExpired',
    data: { ...token, reason: 'claim-lapsed' },
  });
  const inside = await tokens(history);
  expect(inside.of(mina)).toMatchObject({ status: 'entered', expire_date: minute(700) });
  expect(inside.of(joon)).toMatchObject({ status: 'expired', end_reason: 'claim-lapsed' });
  expect(inside.queue).toMatchObject({ waiting: 0, admitted: 0, entered: 1 });
  const mine = { tokenId: tokenOf(mina), userId: mina, performanceId, orderId: order('o') };
  await history.add(streams.token(mine.tokenId), { type: 'TokenCompleted', data: mine });
  const after = await tokens(history);
  expect(after.of(mina)).toMatchObject({ status: 'completed' });
  expect(after.queue).toMatchObject({ entered: 0 });
});
