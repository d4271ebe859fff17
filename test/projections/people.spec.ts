import type { PaymentId, SessionId } from '../../src/events/ids.js';
import { streams } from '../../src/events/streams.js';
import { closeAll, History, id, minute, project, rowsOf } from './history.js';
import { charge, joon, mina, order, Story } from './story.js';

afterEach(closeAll);

function begin() {
  const history = new History();
  return { history, story: new Story(history) };
}

describe('users', () => {
  it('copies what a registration says, but not the password', async () => {
    const { history, story } = begin();
    await story.register(mina, 'Kim');
    const created_at = minute(0);
    expect(await rowsOf(await project(history), 'users')).toEqual([
      { user_id: mina, login_id: 'kim', username: 'Kim!', name: 'Kim', created_at, updated_at: created_at },
    ]);
  });

  it('notes when the password changed', async () => {
    const { history, story } = begin();
    await story.register(mina);
    await history.add(streams.user(mina), {
      type: 'PasswordChanged',
      data: { userId: mina, passwordHash: '$argon2id$2' },
    });
    expect(await rowsOf(await project(history), 'users')).toMatchObject([
      { created_at: minute(0), updated_at: minute(1) },
    ]);
  });

  it('forgets an erased person', async () => {
    const { history, story } = begin();
    await story.register(mina);
    await history.add(streams.user(mina), { type: 'UserErased', data: { userId: mina } });
    expect(await rowsOf(await project(history), 'users')).toEqual([]);
  });
});

describe('sessions', () => {
  const session = (name: string) => id<SessionId>(name);
  const start = (history: History, name: string, epoch = 0, userId = mina) =>
    history.add(streams.session(session(name)), {
      type: 'SessionStarted',
      data: { sessionId: session(name), userId, epoch, expiresAt: minute(500), endsAt: minute(900) },
    });
  const endedAt = async (history: History) =>
    Object.fromEntries(
      (await rowsOf(await project(history), 'user_sessions')).map((row) => [row.session_id, row.ended_at]),
    );

  it('are kept with their newest time', async () => {
    const { history } = begin();
    await start(history, 'phone');
    const data = { sessionId: session('phone'), userId: mina, generation: 1, refreshedAt: minute(7) };
    const times = { expiresAt: minute(507), endsAt: minute(900) };
    await history.add(streams.session(session('phone')), {
      type: 'SessionRefreshed',
      data: { ...data, ...times },
    });
    expect(await rowsOf(await project(history), 'user_sessions')).toEqual([
      {
        session_id: session('phone'),
        user_id: mina,
        epoch: 0,
        started_at: minute(0),
        refreshed_at: minute(7),
        expires_at: minute(507),
        ended_at: null,
      },
    ]);
  });

  it('end alone, or together but for the one that asked and those that came later', async () => {
    const { history, story } = begin();
    await story.register(mina);
    for (const name of ['phone', 'desk', 'asking']) await start(history, name);
    await start(history, 'of another fan', 0, joon);
    const data = { sessionId: session('phone'), userId: mina, reason: 'logout' as const };
    await history.add(streams.session(session('phone')), { type: 'SessionEnded', data });
    await history.add(streams.user(mina), {
      type: 'SessionsEnded',
      data: { userId: mina, epoch: 1, keptSessionId: session('asking'), reason: 'ended-elsewhere' },
    });
    await start(history, 'later', 1);
    expect(await endedAt(history)).toEqual({
      [session('phone')]: minute(5),
      [session('desk')]: minute(6),
      [session('asking')]: null,
      [session('of another fan')]: null,
      [session('later')]: null,
    });
  });

  it('all end with the user', async () => {
    const { history, story } = begin();
    await story.register(mina);
    await start(history, 'phone');
    await start(history, 'of another fan', 0, joon);
    await history.add(streams.user(mina), { type: 'UserErased', data: { userId: mina } });
    expect(await endedAt(history)).toEqual({
      [session('phone')]: minute(3),
      [session('of another fan')]: null,
    });
  });
});

describe('wallets', () => {
  it('opens an empty wallet with the account', async () => {
    const { history, story } = begin();
    await story.register(mina);
    expect(await rowsOf(await project(history), 'points')).toMatchObject([
      { user_id: mina, remain_point: 0 },
    ]);
  });

  it('keeps the balance and every movement', async () => {
    const { history, story } = begin();
    await story.register(mina);
    await story.charge(mina, charge('c'), 500, 500);
    const spent = { userId: mina, orderId: order('o'), amount: 150, balance: 350 };
    await history.add(streams.wallet(mina), { type: 'PointsSpent', data: spent });
    const refunded = { ...spent, balance: 500 };
    await history.add(streams.wallet(mina), { type: 'PointsRefunded', data: refunded });
    const models = await project(history);
    expect(await rowsOf(models, 'points')).toMatchObject([
      { remain_point: 500, created_at: minute(0), updated_at: minute(5) },
    ]);
    expect(await rowsOf(models, 'wallet_history')).toMatchObject([
      { revision: 0, kind: 'charged', amount: 500, balance: 500, charge_id: charge('c'), order_id: null },
      { revision: 1, kind: 'spent', amount: 150, balance: 350, charge_id: null, order_id: order('o') },
      { revision: 2, kind: 'refunded', amount: 150, balance: 500, charge_id: null, order_id: order('o') },
    ]);
  });

  it('lists no movement for a refund of nothing', async () => {
    const { history, story } = begin();
    await story.register(mina);
    const data = { userId: mina, orderId: order('o'), amount: 0, balance: 0 };
    await history.add(streams.wallet(mina), { type: 'PointsRefunded', data });
    expect(await rowsOf(await project(history), 'wallet_history')).toEqual([]);
  });

  it('follows a charge to the wallet', async () => {
    const { history, story } = begin();
    await story.charge(mina, charge('c'), 500, 500);
    expect(await rowsOf(await project(history), 'charges')).toEqual([
      {
        charge_id: charge('c'),
        user_id: mina,
        amount: 500,
        status: 'credited',
        payment_id: `pay-${charge('c')}` as PaymentId,
        decline_reason: null,
        attention_cause: null,
        attention_reason: null,
        settle_reason: null,
        created_at: minute(0),
        updated_at: minute(2),
      },
    ]);
  });

  it('keeps why a charge was declined', async () => {
    const { history } = begin();
    const data = { chargeId: charge('c'), userId: mina, amount: 500 };
    const stream = streams.charge(data.chargeId);
    await history.add(stream, { type: 'ChargeRequested', data: { ...data, paymentMethod: 'pm_1' } });
    await history.add(stream, { type: 'ChargeDeclined', data: { ...data, reason: 'no funds' } });
    expect(await rowsOf(await project(history), 'charges')).toMatchObject([
      { status: 'declined', decline_reason: 'no funds', payment_id: null },
    ]);
  });
});
