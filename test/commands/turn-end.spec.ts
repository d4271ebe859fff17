import { ExpireToken, LeaveQueue } from '../../src/commands/queue/enter-and-leave.js';
import { ExpireHold } from '../../src/commands/seats/end-hold.js';
import { contradictions, heldSeats, readBooks, wholeLog } from './audit.js';
import { type CommandSide, createCommandSide, restarted } from './box-office.js';
import { atEveryAppend, crashingStore, died, pausingStore } from './crashing-store.js';
import { freshContext, hold, inside, openTheatre, outcomeOf, release, seats } from './theatre.js';

let side: CommandSide;
beforeEach(async () => {
  side = createCommandSide();
  await openTheatre(side);
});
afterEach(async () => {
  expect(await contradictions(side.store)).toEqual([]);
});

describe('the end of a turn', () => {
  it('frees what a fan who leaves held', async () => {
    const mina = await inside(side, 'mina');
    await hold(side, mina, seats('A-1', 'A-2'));
    await side.execute(new LeaveQueue(mina, freshContext()));
    await side.execute(new LeaveQueue(mina, freshContext()));
    expect(await heldSeats(side.store)).toEqual([]);
    expect(await outcomeOf(hold(side, mina, seats('A-1')))).toBe('token-ended');
  });

  it('waits until seats that are being taken are held', async () => {
    const mina = await inside(side, 'mina');
    const { store, paused, goOn } = pausingStore(side.store, 1, 'after');
    const slow = hold(restarted(side, { store }), mina, seats('A-1', 'A-2'));
    await paused;
    const leave = () => side.execute(new LeaveQueue(mina, freshContext()));
    expect(await outcomeOf(leave())).toBe('hold-in-progress');
    goOn();
    await slow;
    await leave();
  });

  it('comes when the time inside is over, exactly, and gives the seats back', async () => {
    side = createCommandSide();
    await openTheatre(side, { sales: { serviceWindowMs: 30_000, holdTtlMs: 60_000 } });
    const mina = await inside(side, 'mina');
    const held = await hold(side, mina, seats('A-1'));
    const expire = () =>
      side.execute(new ExpireToken(mina.tokenId, { reason: 'time-used-up' }, freshContext()));
    side.clock.moveTo(held.expiresAt, -1);
    await expire();
    expect(await heldSeats(side.store)).toEqual(['A-1']);
    side.clock.advance(1);
    await expire();
    expect(await heldSeats(side.store)).toEqual([]);
    const { tokens } = await readBooks(side.store);
    expect(tokens.get(`token-${mina.tokenId}`)).toMatchObject({ kind: 'ended', end: { kind: 'expired' } });
  });
});

describe('the end of a hold', () => {
  it('comes by expiry at the deadline, not before, and only once', async () => {
    const mina = await inside(side, 'mina');
    const held = await hold(side, mina, seats('A-1', 'A-2'));
    const expire = () => side.execute(new ExpireHold(mina.tokenId, held.holdId, freshContext()));
    side.clock.moveTo(held.expiresAt, -1);
    await expire();
    expect(await heldSeats(side.store)).toEqual(['A-1', 'A-2']);
    side.clock.advance(1);
    await expire();
    const { length } = await wholeLog(side.store);
    await expire();
    expect(await wholeLog(side.store)).toHaveLength(length);
    expect(await heldSeats(side.store)).toEqual([]);
  });

  it('comes by release, once, and only for the one who holds', async () => {
    const [mina, jun] = [await inside(side, 'mina'), await inside(side, 'jun')];
    const held = await hold(side, mina, seats('A-1', 'A-2'));
    expect(await outcomeOf(release(side, jun, held))).toBe('hold-unknown');
    await release(side, mina, held);
    await release(side, mina, held);
    await hold(side, jun, seats('A-1'));
    await release(side, mina, held);
    expect(await heldSeats(side.store)).toEqual(['A-1']);
  });

  it('is finished by a retry when a release or an expiry dies at any append', async () => {
    for (const kind of ['release', 'expiry'] as const) {
      await atEveryAppend(async (crashAt, when) => {
        side = createCommandSide();
        await openTheatre(side);
        const mina = await inside(side, 'mina');
        const held = await hold(side, mina, seats('A-1', 'A-2'));
        if (kind === 'expiry') side.clock.moveTo(held.expiresAt);
        const end = (on: CommandSide) =>
          kind === 'release'
            ? release(on, mina, held)
            : on.execute(new ExpireHold(mina.tokenId, held.holdId, freshContext()));
        const { store } = crashingStore(side.store, crashAt, when);
        const isDead = await died(Promise.resolve(end(restarted(side, { store }))));
        await end(restarted(side));
        expect(await contradictions(side.store)).toEqual([]);
        expect(await heldSeats(side.store)).toEqual([]);
        return isDead;
      });
    }
  });
});
