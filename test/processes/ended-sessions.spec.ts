import { RegisterUser } from '../../src/commands/account/account.js';
import { EraseUser } from '../../src/commands/account/erase-user.js';
import type { AccessSession } from '../../src/commands/account/session-check.js';
import { EndOtherSessions, EndSession, Login } from '../../src/commands/account/sessions.js';
import type { EventStore } from '../../src/event-store/port.js';
import { StoreUnavailable } from '../../src/event-store/port.js';
import { clockDifferenceMs, EndedSessions, rememberedMs } from '../../src/processes/ended-sessions.js';
import { type CommandSide, createCommandSide, restarted } from '../commands/box-office.js';
import { freshContext } from '../commands/theatre.js';
import { eventually } from '../services/wait-until.js';
import { RecordedLog } from './support.js';

const password = 'correct horse battery';

let side: CommandSide;
let log: RecordedLog;
/** Streams that a check has read. */
let reads: number;
const running: EndedSessions[] = [];
beforeEach(() => {
  side = createCommandSide();
  log = new RecordedLog();
  reads = 0;
});
afterEach(async () => {
  for (const sessions of running.splice(0)) await sessions.stop();
});

/** The check of a process that was just started: it ends no session itself. */
function newCheck(options: { store?: EventStore; maxRemembered?: number } = {}): EndedSessions {
  const { repository } = restarted(side);
  const load: typeof repository.load = (...asked) => {
    reads++;
    return repository.load(...asked);
  };
  const store = options.store ?? side.store;
  const sessions = new EndedSessions(store, { load }, side.clock, log, options.maxRemembered);
  running.push(sessions);
  return sessions;
}

/** One that follows the log, for so long that tokens which are issued now need no reading. */
async function followingCheck(options: { maxRemembered?: number } = {}): Promise<EndedSessions> {
  const sessions = newCheck(options);
  sessions.start();
  // The store in memory answers within a few turns; the next token is issued later.
  await eventually(async () => {
    side.clock.advance(clockDifferenceMs + 1_000);
    const before = reads;
    await sessions.isLive(await logIn());
    return reads === before;
  });
  return sessions;
}

async function register(): Promise<void> {
  const input = { loginId: 'mina', username: 'Mina', name: 'Kim Mina', password };
  await side.execute(new RegisterUser(input, freshContext()));
}

/** A new session as its access token names it. */
async function logIn(): Promise<AccessSession> {
  const { access } = await side.execute(new Login({ loginId: 'mina', password }, freshContext()));
  const claims = side.signer.access.verify(access.value);
  if (claims?.iat === undefined) throw new Error('the token says nothing about its age');
  return {
    userId: claims.sub,
    sessionId: claims.sid,
    epoch: claims.ep ?? 0,
    issuedAtMs: claims.iat * 1_000,
  };
}

const end = ({ userId, sessionId }: AccessSession) =>
  side.execute(new EndSession(userId, sessionId, freshContext()));

describe('a process that follows the log', () => {
  beforeEach(register);

  it('learns of sessions that another process ends, and reads nothing for those that live', async () => {
    const sessions = await followingCheck();
    const [one, other] = [await logIn(), await logIn()];
    const before = reads;
    expect([sessions.isLive(one), sessions.isLive(other)]).toEqual([true, true]);
    await end(one);
    await eventually(() => sessions.isLive(one) === false);
    expect(sessions.isLive(other)).toBe(true);
    expect(reads).toBe(before);
  });

  it('learns that all other sessions of a user end, but not later ones', async () => {
    const sessions = await followingCheck();
    const [one, asking] = [await logIn(), await logIn()];
    await side.execute(new EndOtherSessions(asking, freshContext()));
    await eventually(() => sessions.isLive(one) === false);
    expect(sessions.isLive(asking)).toBe(true);
    expect(sessions.isLive(await logIn())).toBe(true);
  });

  it('learns of an erased user', async () => {
    const sessions = await followingCheck();
    const session = await logIn();
    await side.execute(new EraseUser({ user: session.userId, forfeit: true }, freshContext()));
    await eventually(() => sessions.isLive(session) === false);
  });

  it('knows at once what it ends itself', async () => {
    const sessions = await followingCheck();
    const { userId, sessionId, ...rest } = await logIn();
    sessions.take([{ type: 'SessionEnded', data: { userId, sessionId, reason: 'logout' } }]);
    expect(sessions.isLive({ userId, sessionId, ...rest })).toBe(false);
  });

  it('keeps what it knows of a user when older events come again', async () => {
    const sessions = await followingCheck();
    const session = await logIn();
    const { userId, sessionId: keptSessionId } = session;
    const ended = (epoch: number) =>
      ({ type: 'SessionsEnded', data: { userId, epoch, keptSessionId, reason: 'ended-elsewhere' } }) as const;
    sessions.take([ended(2), ended(1)]);
    const begunBetween = { ...(await logIn()), epoch: 1 };
    expect(sessions.isLive(begunBetween)).toBe(false);
    sessions.take([{ type: 'UserErased', data: { userId } }, ended(3)]);
    expect(sessions.isLive(session)).toBe(false);
  });

  it('forgets an end when no access token of it can be valid any more', async () => {
    const sessions = await followingCheck();
    const ended = await logIn();
    await end(ended);
    await eventually(() => sessions.isLive(ended) === false);
    side.clock.advance(rememberedMs);
    const other = await logIn();
    await end(other);
    await eventually(() => sessions.isLive(other) === false);
    // Nothing is known of it: only a token that was issued long ago could ask.
    expect(sessions.isLive(ended)).toBe(true);
  });

  it('reads sessions whose ends it may have forgotten for lack of room', async () => {
    const sessions = await followingCheck({ maxRemembered: 4 });
    const ended = await Promise.all(Array.from({ length: 5 }, logIn));
    const living = await logIn();
    for (const one of ended) await end(one);
    const newest = ended.at(-1);
    await eventually(() => newest !== undefined && sessions.isLive(newest) === false);
    for (const one of ended) expect(await sessions.isLive(one)).toBe(false);
    const before = reads;
    expect(await sessions.isLive(living)).toBe(true);
    expect(reads).toBeGreaterThan(before);
  });

  it('reads sessions after an event that it cannot understand, which may have ended any', async () => {
    const sessions = await followingCheck();
    const session = await logIn();
    expect(sessions.isLive(session)).toBe(true);
    const metadata = { schemaVersion: 99 };
    const event = { id: '00000000-0000-4000-8000-000000000001', type: 'SessionEnded', data: {}, metadata };
    await side.store.append('session-unreadable', 'any', [event]);
    await eventually(() => sessions.isLive(session) !== true);
    expect(await sessions.isLive(session)).toBe(true);
  });
});

describe('a process that was just started', () => {
  beforeEach(register);

  it('reads what ended before, once for each session that lives', async () => {
    const [ended, living] = [await logIn(), await logIn()];
    await end(ended);
    const sessions = newCheck();
    sessions.start();
    await eventually(async () => {
      await sessions.isLive(living);
      return sessions.isLive(living) === true;
    });
    const before = reads;
    expect(sessions.isLive(living)).toBe(true);
    expect(reads).toBe(before);
    expect(await sessions.isLive(ended)).toBe(false);
    await end(living);
    await eventually(() => sessions.isLive(living) === false);
  });

  it('reads every time as long as it does not follow the log', async () => {
    const session = await logIn();
    const sessions = newCheck();
    expect(await sessions.isLive(session)).toBe(true);
    expect(await sessions.isLive(session)).toBe(true);
    await end(session);
    expect(await sessions.isLive(session)).toBe(false);
  });

  it('reads users who were erased, and sessions that were ended together', async () => {
    const [one, asking] = [await logIn(), await logIn()];
    await side.execute(new EndOtherSessions(asking, freshContext()));
    const sessions = newCheck();
    expect(await sessions.isLive(one)).toBe(false);
    expect(await sessions.isLive(asking)).toBe(true);
    await side.execute(new EraseUser({ user: asking.userId, forfeit: true }, freshContext()));
    expect(await newCheck().isLive(asking)).toBe(false);
  });

  it('lets nobody in while the log does not answer', async () => {
    const session = await logIn();
    const unavailable = async () => {
      throw new StoreUnavailable('away');
    };
    const sessions = new EndedSessions(side.store, { load: unavailable }, side.clock, log);
    await expect(sessions.isLive(session)).rejects.toThrow(StoreUnavailable);
  });

  it('reads tokens that do not say when they were issued', async () => {
    const sessions = await followingCheck();
    const session = { ...(await logIn()), issuedAtMs: undefined };
    const before = reads;
    expect(await sessions.isLive(session)).toBe(true);
    expect(reads).toBeGreaterThan(before);
  });
});
