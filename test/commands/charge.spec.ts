import { AdvanceCharge, ChargePoints } from '../../src/commands/wallet/charge-points.js';
import { maxBalance, walletDecider } from '../../src/domain/wallet.js';
import { type ChargeId, chargeIdSchema } from '../../src/events/ids.js';
import { deriveId } from '../../src/platform/derive-id.js';
import { contradictions, readBooks } from './audit.js';
import { type CommandSide, createCommandSide, restarted } from './box-office.js';
import { atEveryAppend, crashingStore, died, pausingStore } from './crashing-store.js';
import { ScriptedPayments } from './scripted-payments.js';
import { contextOf, freshContext, outcomeOf, userNamed } from './theatre.js';

const mina = userNamed('mina');
let payments: ScriptedPayments;
let side: CommandSide;
beforeEach(() => {
  payments = new ScriptedPayments();
  side = createCommandSide({ payments });
});
afterEach(async () => {
  expect(await contradictions(side.store)).toEqual([]);
  const charged = [...payments.taken.values()].reduce((sum, { amount }) => sum + amount, 0);
  expect(await balance()).toBe(charged);
});

const charge = (on: CommandSide, key: string, amount = 500, paymentMethod = 'card') =>
  on.execute(new ChargePoints(mina, { amount, paymentMethod }, contextOf(key)));
const resume = (on: CommandSide, chargeId: ChargeId) =>
  on.execute(new AdvanceCharge(chargeId, freshContext()));
const balance = async () => (await readBooks(side.store)).wallets.get(`wallet-${mina}`)?.balance ?? 0;

describe('ChargePoints', () => {
  it('credits what the payment system took', async () => {
    expect(await charge(side, 'a')).toMatchObject({ status: 'credited', balance: 500, amount: 500 });
  });

  it('credits a repeated command once', async () => {
    await charge(side, 'a');
    expect(await charge(restarted(side, { payments }), 'a')).toMatchObject({ balance: 500 });
    expect(payments.taken.size).toBe(1);
  });

  it('refuses another amount or card under the same command id', async () => {
    await charge(side, 'a');
    expect(await outcomeOf(charge(side, 'a', 600))).toBe('idempotency-key-reused');
    expect(await outcomeOf(charge(side, 'a', 500, 'other card'))).toBe('idempotency-key-reused');
  });

  it('takes one amount when two processes get the same command with different ones', async () => {
    const { store, paused, goOn } = pausingStore(side.store, 0, 'before');
    const slow = outcomeOf(charge(restarted(side, { store, payments }), 'a', 600));
    await paused;
    await charge(side, 'a', 500);
    goOn();
    expect(await slow).toBe('idempotency-key-reused');
  });

  it.each(['declined', 'rejected'] as const)('credits nothing when the payment is %s', async (kind) => {
    payments.answerNext(() => ({ kind, reason: 'no funds' }));
    expect(await outcomeOf(charge(side, 'a'))).toBe('payment-declined');
    expect(await outcomeOf(charge(side, 'a'))).toBe('payment-declined');
    expect(payments.requests).toHaveLength(1);
  });

  it('leaves an unknown outcome open and credits it once when it is resumed', async () => {
    payments.loseNextReply();
    const open = await charge(side, 'a');
    expect(open).toMatchObject({ status: 'pending' });
    await Promise.all([
      resume(restarted(side, { payments }), open.chargeId),
      resume(restarted(side, { payments }), open.chargeId),
    ]);
    expect(await balance()).toBe(500);
  });

  it('asks with the same key, amount and card until there is an answer', async () => {
    payments.answerNext(() => ({ kind: 'pending' }));
    payments.answerNext(() => ({ kind: 'unknown', reason: 'timed out' }));
    const { chargeId } = await charge(side, 'a');
    expect(await resume(side, chargeId)).toMatchObject({ status: 'pending' });
    expect(await resume(side, chargeId)).toMatchObject({ status: 'credited' });
    const { idempotencyKey, amount, paymentMethod } = payments.requests[0] ?? {};
    expect({ idempotencyKey, amount, paymentMethod }).toEqual({
      idempotencyKey: chargeId,
      amount: 500,
      paymentMethod: 'card',
    });
    expect(new Set(payments.requests.map((request) => JSON.stringify(request))).size).toBe(1);
  });

  it('is credited exactly once after a crash at any append, by retry or by recovery', async () => {
    for (const how of ['retry', 'recovery'] as const) {
      const tried = await atEveryAppend(async (crashAt, when) => {
        payments = new ScriptedPayments();
        side = createCommandSide({ payments });
        const { store } = crashingStore(side.store, crashAt, when);
        const isDead = await died(charge(restarted(side, { store, payments }), 'a'));
        const again = restarted(side, { payments });
        const isRequested = (await readBooks(side.store)).charges.size > 0;
        const chargeId = chargeIdSchema.parse(deriveId(contextOf('a').commandId, 'charge'));
        if (how === 'retry') await charge(again, 'a');
        else if (isRequested) await resume(again, chargeId);
        expect(await balance()).toBe(how === 'recovery' && !isRequested ? 0 : 500);
        return isDead;
      });
      expect(tried).toBe(6);
    }
  });

  it('refuses what would make the wallet overflow, before any money is taken', async () => {
    const full = { kind: 'credit', userId: mina, chargeId: chargeIdSchema.parse(deriveId('full')) } as const;
    await side.deciders.execute(
      walletDecider,
      `wallet-${mina}`,
      { ...full, amount: maxBalance - 100 },
      freshContext(),
    );
    expect(await outcomeOf(charge(side, 'a', 101))).toBe('wallet-full');
    expect(payments.requests).toEqual([]);
    side = createCommandSide({ payments });
  });

  it('knows no charge that was never asked for', async () => {
    expect(await outcomeOf(resume(side, chargeIdSchema.parse(deriveId('none'))))).toBe('charge-unknown');
  });
});
