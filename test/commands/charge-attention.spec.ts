import { AdvanceCharge, ChargePoints } from '../../src/commands/wallet/charge-points.js';
import { SettleCharge } from '../../src/commands/wallet/settle-charge.js';
import { type ChargeId, chargeIdSchema, paymentIdSchema } from '../../src/events/ids.js';
import { streams } from '../../src/events/streams.js';
import { HttpPaymentProvider } from '../../src/integrations/payment/http-payment-provider.js';
import type { PaymentOutcome } from '../../src/integrations/payment/port.js';
import { deriveId } from '../../src/platform/derive-id.js';
import { ManualTimers } from '../integrations/payment/manual-timers.js';
import { apiKey, startWithClient } from '../integrations/payment/payment-client.js';
import { readBooks, wholeLog } from './audit.js';
import { type CommandSide, createCommandSide, restarted } from './box-office.js';
import { atEveryAppend, crashingStore, died } from './crashing-store.js';
import { ScriptedPayments } from './scripted-payments.js';
import { contextOf, freshContext, outcomeOf, userNamed } from './theatre.js';

const mina = userNamed('mina');
const charge = (on: CommandSide, key: string, amount = 500, paymentMethod = 'card-approve') =>
  on.execute(new ChargePoints(mina, { amount, paymentMethod }, contextOf(key)));
const resume = (on: CommandSide, chargeId: ChargeId) =>
  on.execute(new AdvanceCharge(chargeId, freshContext()));
const settle = (on: CommandSide, chargeId: ChargeId, outcome: 'credited' | 'rejected') =>
  on.execute(new SettleCharge(chargeId, { outcome, reason: 'looked up' }, freshContext()));
const balance = async (on: CommandSide) =>
  (await readBooks(on.store)).wallets.get(`wallet-${mina}`)?.balance ?? 0;
const eventsOf = async (on: CommandSide, chargeId: ChargeId) =>
  (await wholeLog(on.store)).filter(({ stream }) => stream === streams.charge(chargeId));
const typesOf = async (on: CommandSide, chargeId: ChargeId) =>
  (await eventsOf(on, chargeId)).map(({ type }) => type);

describe('a charge that is retried under another address for callbacks', () => {
  let timers: ManualTimers;
  let system: Awaited<ReturnType<typeof startWithClient>>['system'];
  beforeEach(async () => {
    timers = new ManualTimers();
    ({ system } = await startWithClient({ timers }));
  });
  afterEach(() => system.close());

  const before = 'http://localhost:3000/v1/payment-callbacks';
  const office = (paymentCallbackUrl: string, of?: CommandSide) => {
    const options = {
      payments: new HttpPaymentProvider({ baseUrl: system.url, apiKey, timeoutMs: 60_000 }),
      settings: { paymentCallbackUrl, chargeReplyTimeoutMs: 60_000 },
    };
    return of ? restarted(of, options) : createCommandSide(options);
  };

  /** The payment system has taken the money, and its answer is lost. */
  async function moneyTakenAnswerLost(first: CommandSide): Promise<ChargeId> {
    const lost = charge(first, 'a', 500, 'card-timeout-after-commit');
    (await timers.next()).fire();
    const { chargeId, status } = await lost;
    expect(status).toBe('pending');
    return chargeId;
  }

  it.each([
    ['another port', 'http://localhost:4000/v1/payment-callbacks'],
    ['a host that the payment system does not allow', 'https://new.example.com/v1/payment-callbacks'],
  ])('sends the first request again, and is credited: %s', async (_, after) => {
    const first = office(before);
    const chargeId = await moneyTakenAnswerLost(first);
    expect(await resume(office(after, first), chargeId)).toMatchObject({ status: 'credited', balance: 500 });
  });

  it.each([
    ['another port', 'http://localhost:4000/v1/payment-callbacks'],
    ['a host that the payment system does not allow', 'https://new.example.com/v1/payment-callbacks'],
  ])('is looked up where an older build did not record the request: %s', async (_, after) => {
    const first = office(before);
    const chargeId = await moneyTakenAnswerLost(first);
    // The same charge as the release before wrote it.
    const older = createCommandSide();
    const [requested] = await eventsOf(first, chargeId);
    if (!requested) throw new Error('the charge was not requested');
    const { payment: _payment, ...data } = requested.data as { payment: unknown };
    const metadata = { ...(requested.metadata as object), schemaVersion: 2 };
    await older.store.append(streams.charge(chargeId), 'none', [{ ...requested, data, metadata }]);
    expect(await resume(office(after, older), chargeId)).toMatchObject({ status: 'credited', balance: 500 });
  });
});

it('asks for a charge again in the words of its first request, whatever the address for callbacks is by then', async () => {
  const payments = new ScriptedPayments();
  const settings = (port: number) => ({
    paymentCallbackUrl: `http://localhost:${port}/v1/payment-callbacks`,
  });
  const side = createCommandSide({ payments, settings: settings(3000) });
  payments.answerNext(() => ({ kind: 'unknown', reason: 'timed out' }));
  const { chargeId } = await charge(side, 'a');
  await resume(restarted(side, { payments, settings: settings(4000) }), chargeId);
  const [first, again] = payments.requests;
  expect(first?.callbackUrl).toBe(settings(3000).paymentCallbackUrl);
  expect(again).toEqual(first);
  expect(payments.lookups).toEqual([]);
});

describe('a charge whose request is refused', () => {
  let payments: ScriptedPayments;
  let side: CommandSide;
  beforeEach(() => {
    payments = new ScriptedPayments();
    side = createCommandSide({ payments });
  });

  const conflict: PaymentOutcome = { kind: 'conflict', reason: 'another payment' };
  const rejected: PaymentOutcome = { kind: 'rejected', reason: 'invalid' };
  const paymentId = paymentIdSchema.parse('pay-1');

  /** Left open by its first request, which may or may not have arrived. */
  async function leftOpen(): Promise<ChargeId> {
    payments.answerNext(() => ({ kind: 'unknown', reason: 'timed out' }));
    return (await charge(side, 'a')).chargeId;
  }

  it.each([conflict, rejected])('follows what the payment system knows of it: %j', async (refusal) => {
    for (const [found, status] of [
      [{ kind: 'approved', paymentId, amount: 500 }, 'credited'],
      [{ kind: 'approved', paymentId, amount: 400 }, 'needs-attention'],
      [{ kind: 'declined', reason: 'no funds' }, 'declined'],
      [{ kind: 'pending' }, 'pending'],
      [{ kind: 'unknown', reason: 'status 500' }, 'pending'],
      [{ kind: 'conflict', reason: 'another key' }, 'needs-attention'],
      [{ kind: 'not-found' }, 'needs-attention'],
    ] as const) {
      payments = new ScriptedPayments();
      side = createCommandSide({ payments });
      const chargeId = await leftOpen();
      payments.answerNext(() => refusal);
      payments.answerLookups(found);
      expect(await resume(side, chargeId)).toMatchObject({ status });
      expect(await balance(side)).toBe(status === 'credited' ? 500 : 0);
    }
  });

  it('is never declined when its money was taken before', async () => {
    payments.loseNextReply();
    const { chargeId } = await charge(side, 'a');
    payments.answerNext(() => rejected);
    expect(await resume(side, chargeId)).toMatchObject({ status: 'credited', balance: 500 });
  });

  it('is declined when the very first request is invalid and no payment is known', async () => {
    payments.answerNext(() => rejected);
    expect(await outcomeOf(charge(side, 'a'))).toBe('payment-declined');
  });

  async function needingAttention(): Promise<ChargeId> {
    const chargeId = await leftOpen();
    payments.answerNext(() => conflict);
    await resume(side, chargeId);
    return chargeId;
  }

  it('sends no request any more while it needs attention, and says so to the fan', async () => {
    const chargeId = await needingAttention();
    const sent = payments.requests.length;
    expect(await resume(side, chargeId)).toMatchObject({ status: 'needs-attention' });
    expect(await charge(side, 'a')).toMatchObject({ status: 'needs-attention' });
    expect(payments.requests).toHaveLength(sent);
  });

  it('is credited by a callback that comes while it needs attention', async () => {
    const chargeId = await needingAttention();
    payments.answerLookups({ kind: 'approved', paymentId, amount: 500 });
    expect(await resume(side, chargeId)).toMatchObject({ status: 'credited' });
    expect(await outcomeOf(settle(side, chargeId, 'rejected'))).toBe('charge-not-settleable');
  });

  it('is settled by an operator: credited or rejected, with a reason, once', async () => {
    const chargeId = await needingAttention();
    expect(await settle(side, chargeId, 'credited')).toMatchObject({ status: 'credited', balance: 500 });
    expect(await settle(side, chargeId, 'credited')).toMatchObject({ status: 'credited', balance: 500 });
    expect(await outcomeOf(settle(side, chargeId, 'rejected'))).toBe('charge-not-settleable');
    expect(await typesOf(side, chargeId)).toEqual([
      'ChargeRequested',
      'ChargeNeedsAttention',
      'ChargeSettled',
    ]);
    side = createCommandSide({ payments });
    const other = await needingAttention();
    expect(await settle(side, other, 'rejected')).toMatchObject({ status: 'declined', reason: 'looked up' });
    expect(await resume(side, other)).toMatchObject({ status: 'declined' });
    expect(await balance(side)).toBe(0);
  });

  it('is not settled while the payment system is still asked', async () => {
    const chargeId = await leftOpen();
    expect(await outcomeOf(settle(side, chargeId, 'credited'))).toBe('charge-not-settleable');
    const unknown = chargeIdSchema.parse(deriveId('none'));
    expect(await outcomeOf(settle(side, unknown, 'credited'))).toBe('charge-unknown');
  });

  it('is credited once when settling it crashes at any append and is repeated', async () => {
    const tried = await atEveryAppend(async (crashAt, when) => {
      payments = new ScriptedPayments();
      side = createCommandSide({ payments });
      const chargeId = await needingAttention();
      const { store } = crashingStore(side.store, crashAt, when);
      const isDead = await died(settle(restarted(side, { store, payments }), chargeId, 'credited'));
      await settle(restarted(side, { payments }), chargeId, 'credited');
      expect(await balance(side)).toBe(500);
      return isDead;
    });
    expect(tried).toBe(4);
  });
});
