import { setImmediate as nextTurn } from 'node:timers/promises';
import { EraseUser } from '../../src/commands/account/erase-user.js';
import { AdvanceCharge, ChargePoints } from '../../src/commands/wallet/charge-points.js';
import { SettleCharge } from '../../src/commands/wallet/settle-charge.js';
import { userDecider } from '../../src/domain/user.js';
import type { EventStore } from '../../src/event-store/port.js';
import { type ChargeId, chargeIdSchema, type UserId } from '../../src/events/ids.js';
import { streams } from '../../src/events/streams.js';
import { deriveId } from '../../src/platform/derive-id.js';
import { readBooks, wholeLog } from './audit.js';
import { type CommandSide, createCommandSide, restarted } from './box-office.js';
import { HookedStore, pausingStore } from './crashing-store.js';
import { ScriptedPayments } from './scripted-payments.js';
import { contextOf, freshContext, outcomeOf, userNamed } from './theatre.js';

const key = 'the charge';
const chargeId: ChargeId = chargeIdSchema.parse(deriveId(contextOf(key).commandId, 'charge'));
let payments: ScriptedPayments;
let side: CommandSide;
let mina: UserId;
beforeEach(begin);

async function begin(): Promise<void> {
  payments = new ScriptedPayments();
  side = createCommandSide({ payments });
  mina = userNamed('mina');
  // Without the handler, whose password hash takes long.
  const person = { userId: mina, loginId: 'mina', username: 'Mina', name: 'Kim Mina', passwordHash: 'hash' };
  const register = { kind: 'register', ...person } as const;
  await side.deciders.executeOrThrow(userDecider, streams.user(mina), register, freshContext());
}

/** Another process on the same log, whose read models know of open charges. */
function process(store: EventStore = side.store): CommandSide {
  const other = restarted(side, { store, payments });
  other.models.unfinishedBusiness = async () => {
    const { charges, wallets } = await readBooks(side.store);
    const credited = wallets.get(streams.wallet(mina))?.charges;
    const state = charges.get(streams.charge(chargeId));
    const isOpen =
      state?.kind === 'requested' ||
      state?.kind === 'needs-attention' ||
      (state?.kind === 'approved' && !credited?.has(chargeId));
    return isOpen ? ['charges'] : [];
  };
  return other;
}

const charge = (on: CommandSide) =>
  outcomeOf(on.execute(new ChargePoints(mina, { amount: 500, paymentMethod: 'card' }, contextOf(key))));
const erase = (on: CommandSide, forfeit = false) =>
  outcomeOf(on.execute(new EraseUser({ user: mina, forfeit }, freshContext())));
const callBack = (on: CommandSide) => on.execute(new AdvanceCharge(chargeId, freshContext()));

/** What became of both, judged by the log alone. */
async function outcome() {
  const { charges, wallets } = await readBooks(side.store);
  const log = await wholeLog(side.store);
  return {
    isErased: log.some(({ type }) => type === 'UserErased'),
    isTaken: payments.taken.size > 0,
    balance: wallets.get(streams.wallet(mina))?.balance ?? 0,
    charge: charges.get(streams.charge(chargeId))?.kind ?? 'none',
  };
}

/** Either the fan is erased and has no points, or the points are there and the fan too; money taken is never lost. */
async function expectSound(): Promise<'erased' | 'charged'> {
  const { isErased, isTaken, balance, charge: state } = await outcome();
  if (!isErased) {
    expect({ isTaken, balance, state }).toEqual({ isTaken: true, balance: 500, state: 'approved' });
    return 'charged';
  }
  expect(balance).toBe(0);
  if (isTaken) expect(state).toBe('needs-attention');
  else expect(['none', 'needs-attention']).toContain(state);
  return 'erased';
}

describe('erasing a fan who charges points at the same moment', () => {
  it('ends soundly wherever the charge is suspended while the fan is erased', async () => {
    const ends = new Set<string>();
    for (const when of ['before', 'after'] as const) {
      for (let append = 0; append < 3; append++) {
        await begin();
        const { store, paused, goOn } = pausingStore(side.store, append, when);
        const charging = charge(process(store));
        await paused;
        await erase(process());
        goOn();
        await charging;
        ends.add(await expectSound());
      }
    }
    expect([...ends].sort()).toEqual(['charged', 'erased']);
  });

  it('ends soundly wherever the erasure is suspended while points are charged', async () => {
    const ends = new Set<string>();
    for (const when of ['before', 'after'] as const) {
      for (let append = 0; append < 2; append++) {
        await begin();
        const { store, paused, goOn } = pausingStore(side.store, append, when);
        const erasing = erase(process(store));
        await paused;
        await charge(process());
        goOn();
        await erasing;
        ends.add(await expectSound());
      }
    }
    expect([...ends].sort()).toEqual(['charged', 'erased']);
  });

  it('ends soundly when both run at once, in many interleavings', async () => {
    for (let round = 0; round < 60; round++) {
      await begin();
      const slowed = (turns: number) =>
        new HookedStore(side.store, {
          async before() {
            for (let turn = 0; turn < turns; turn++) await nextTurn();
          },
        });
      await Promise.all([
        charge(process(slowed(round % 8))),
        erase(process(slowed(Math.floor(round / 8)))),
        charge(process(slowed(round % 5))),
      ]);
      // The erasure may have been refused because the charge was open: then the charge has gone on.
      await expectSound();
    }
  });
});

describe('a charge of an erased fan', () => {
  it('is refused, and no money is asked for', async () => {
    await erase(process());
    expect(await charge(process())).toBe('wallet-closed');
    expect(payments.requests).toEqual([]);
  });

  it('is refused for those whom a build erased that did not close wallets', async () => {
    const erased = { type: 'UserErased', data: { userId: mina } };
    const [registered] = (await wholeLog(side.store)).filter(({ type }) => type === 'UserRegistered');
    const metadata = { ...(registered?.metadata as object), schemaVersion: 1 };
    await side.store.append(streams.user(mina), 0, [{ id: deriveId('erased'), ...erased, metadata }]);
    expect(await charge(process())).toBe('wallet-closed');
    expect((await readBooks(side.store)).wallets.get(streams.wallet(mina))?.isClosed).toBe(true);
  });

  /** The payment was asked for when the fan was erased. */
  async function erasedWhilePaying(isTaken: boolean): Promise<void> {
    const { store, paused, goOn } = pausingStore(side.store, 0, 'before');
    const charging = charge(process(store));
    await paused;
    expect(await erase(process())).toMatchObject({ userId: mina });
    if (isTaken)
      payments.take({ idempotencyKey: chargeId, amount: 500, paymentMethod: 'card', reference: '' });
    goOn();
    await charging;
  }

  it('takes no money after the erasure, and waits for an operator', async () => {
    await erasedWhilePaying(false);
    expect(payments.requests).toEqual([]);
    expect(await outcome()).toMatchObject({ isTaken: false, charge: 'needs-attention' });
  });

  it('is kept for an operator when a callback reports its money later', async () => {
    await erasedWhilePaying(false);
    payments.take({ idempotencyKey: chargeId, amount: 500, paymentMethod: 'card', reference: '' });
    for (let times = 0; times < 2; times++)
      expect(await callBack(process())).toMatchObject({ status: 'needs-attention' });
    const { charges } = await readBooks(side.store);
    expect(charges.get(streams.charge(chargeId))).toMatchObject({ cause: 'wallet-closed' });
    expect(await outcome()).toMatchObject({ balance: 0, isTaken: true });
  });

  it('cannot be credited by an operator, only rejected', async () => {
    await erasedWhilePaying(true);
    const settle = (outcome: 'credited' | 'rejected') =>
      outcomeOf(
        process().execute(new SettleCharge(chargeId, { outcome, reason: 'paid back' }, freshContext())),
      );
    expect(await settle('credited')).toBe('wallet-closed');
    expect(await settle('rejected')).toMatchObject({ status: 'declined' });
  });
});
