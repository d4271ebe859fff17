import { ImportCatalog } from '../../src/commands/catalog/import-catalog.js';
import { Pay } from '../../src/commands/orders/pay.js';
import { LeaveQueue } from '../../src/commands/queue/enter-and-leave.js';
import { IssueToken } from '../../src/commands/queue/issue-token.js';
import { instantSchema } from '../../src/events/ids.js';
import { streams } from '../../src/events/streams.js';
import { contradictions, wholeLog } from './audit.js';
import { type CommandSide, createCommandSide, restarted } from './box-office.js';
import { atEveryAppend, crashingStore, died, pausingStore } from './crashing-store.js';
import {
  contextOf,
  freshContext,
  hold,
  inside,
  openTheatre,
  outcomeOf,
  performanceId,
  queued,
  seats,
  startsAt,
  theatreDocument,
  userNamed,
} from './theatre.js';

let side: CommandSide;
beforeEach(async () => {
  side = createCommandSide();
  await openTheatre(side);
});
afterEach(async () => {
  expect(await contradictions(side.store)).toEqual([]);
});

const join = (on: CommandSide, name: string, tickets = 1, context = freshContext()) =>
  on.execute(new IssueToken(userNamed(name), performanceId, tickets, context));
const issuedEvents = async () => (await wholeLog(side.store)).filter(({ type }) => type === 'TokenIssued');

describe('IssueToken', () => {
  it('gives numbers in the order of joining, and a queue token that says so', async () => {
    const [first, second] = [await join(side, 'mina'), await join(side, 'jun')];
    expect([first.number, second.number]).toEqual([0, 1]);
    expect(side.signer.queue.verify(second.queueToken.value)).toMatchObject({ num: 1, tid: second.tokenId });
  });

  it('returns the same place when the fan asks again', async () => {
    const first = await join(side, 'mina');
    await join(side, 'jun');
    const again = await join(restarted(side), 'mina');
    expect(again).toMatchObject({ tokenId: first.tokenId, number: 0, isNew: false });
    expect(await issuedEvents()).toHaveLength(2);
  });

  it('gives a double click one number', async () => {
    const clicks = await Promise.all([join(side, 'mina'), join(side, 'mina'), join(restarted(side), 'mina')]);
    expect(new Set(clicks.map(({ number }) => number)).size).toBe(1);
    expect(clicks.filter(({ isNew }) => isNew).length).toBeLessThanOrEqual(1);
  });

  it.each(['another key', 'the same key'])(
    'gives a double click with %s one number when the first is overtaken between its two appends',
    async (key) => {
      const context = contextOf('first click');
      const { store, paused, goOn } = pausingStore(side.store, 0, 'after');
      const slow = join(restarted(side, { store }), 'mina', 1, context);
      await paused;
      const fast = await join(side, 'mina', 1, key === 'the same key' ? context : freshContext());
      await join(side, 'jun');
      goOn();
      expect((await slow).number).toBe(fast.number);
      const refreshed = await join(side, 'mina');
      expect(refreshed.number).toBe(fast.number);
    },
  );

  it('is finished by a retry after a crash at any append', async () => {
    const tried = await atEveryAppend(async (crashAt, when) => {
      side = createCommandSide();
      await openTheatre(side);
      const { store } = crashingStore(side.store, crashAt, when);
      const isDead = await died(join(restarted(side, { store }), 'mina', 1, contextOf('join')));
      await join(side, 'jun');
      const { number } = await join(restarted(side), 'mina', 1, contextOf('join'));
      const [first] = (await issuedEvents()).filter(
        ({ data }) => (data as { userId: string }).userId === userNamed('mina'),
      );
      expect(number).toBe(first?.revision);
      return isDead;
    });
    expect(tried).toBe(4);
  });

  it('reads no number of others from the log when many fans join at once', async () => {
    const readStream = jest.spyOn(side.store, 'readStream');
    const joined = await Promise.all(Array.from({ length: 200 }, (_, fan) => join(side, `fan ${fan}`)));
    expect(new Set(joined.map(({ number }) => number)).size).toBe(200);
    const ofQueue = readStream.mock.calls.filter(([stream]) => stream === streams.queue(performanceId));
    expect(ofQueue).toHaveLength(0);
  });

  it('asks the log about a newcomer only by the append, which finds a place that another process gave', async () => {
    const readStream = jest.spyOn(side.store, 'readStream');
    const { tokenId, number, requestedAt } = await join(side, 'mina');
    const ofToken = () => readStream.mock.calls.filter(([stream]) => stream === streams.token(tokenId));
    expect(ofToken()).toHaveLength(0);
    const [requested] = await side.store.readStream(streams.token(tokenId));
    expect(requestedAt).toBe(requested?.position);
    const again = await join(restarted(side), 'mina');
    expect(again).toMatchObject({ tokenId, number, isNew: false, requestedAt: undefined });
  });

  it('refuses more tickets than the performance allows', async () => {
    expect(await outcomeOf(join(side, 'mina', 5))).toBe('seat-limit-reached');
    expect((await join(side, 'mina', 4)).isNew).toBe(true);
  });

  it('lets a fan who left join again at the end', async () => {
    const mina = await queued(side, 'mina');
    await join(side, 'jun');
    await side.execute(new LeaveQueue(mina, freshContext()));
    expect(await join(side, 'mina')).toMatchObject({ number: 2, isNew: true });
  });

  it('queues a fan whose first entry ended before the retry of the same request', async () => {
    const context = contextOf('joining');
    const first = await join(side, 'mina', 1, context);
    const { tokenId, performanceId, number } = first;
    await side.execute(
      new LeaveQueue({ userId: userNamed('mina'), performanceId, tokenId, number }, freshContext()),
    );
    const second = await join(restarted(side), 'mina', 1, context);
    expect(second.number).toBe(1);
    expect((await issuedEvents()).map(({ data }) => data)).toMatchObject([
      { tokenId },
      { tokenId: second.tokenId },
    ]);
  });

  it('limits a later entry to what the earlier ones left over', async () => {
    const mina = await inside(side, 'mina', 1000);
    await hold(side, mina, seats('A-1', 'A-2', 'A-3'));
    await side.execute(new Pay(mina, {}, freshContext()));
    expect(await outcomeOf(join(side, 'mina', 2))).toBe('seat-limit-reached');
    await join(side, 'mina', 1);
    const again = await inside(side, 'mina');
    expect(await outcomeOf(hold(side, again, seats('B-1', 'B-2')))).toBe('seat-limit-reached');
    await hold(side, again, seats('B-1'));
  });

  it('refuses a newcomer once every date has begun, to the millisecond, and still finds an old place', async () => {
    const known = await join(side, 'mina');
    side.clock.moveTo(instantSchema.parse(startsAt), -1);
    await join(side, 'jun');
    side.clock.advance(1);
    expect(await outcomeOf(join(side, 'sora'))).toBe('not-on-sale');
    for (const process of [side, restarted(side)])
      expect(await join(process, 'mina')).toMatchObject({ tokenId: known.tokenId, isNew: false });
  });

  it('refuses a newcomer when every date was cancelled', async () => {
    const document = theatreDocument();
    for (const { schedules } of document.performances) {
      for (const date of schedules) date.status = 'cancelled';
    }
    await side.execute(new ImportCatalog(document, freshContext()));
    expect(await outcomeOf(join(side, 'mina'))).toBe('not-on-sale');
  });

  it('bounds how often one fan may join', async () => {
    for (let entry = 0; entry < 20; entry++) {
      await side.execute(new LeaveQueue(await queued(side, 'mina'), freshContext()));
    }
    expect(await outcomeOf(join(side, 'mina'))).toBe('too-many-entries');
  });
});
