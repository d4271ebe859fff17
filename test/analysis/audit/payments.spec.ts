import { auditPayments, ChargeBook, type LedgerPayment } from '../../../src/analysis/audit/payments.js';
import { addMs } from '../../../src/events/ids.js';
import { Fan } from './fan.js';
import { at, id, LogUnderAudit } from './log-under-audit.js';

const log = new LogUnderAudit();
const paid = new Fan(log, 'paid').charge();
const declined = new Fan(log, 'declined').requestCharge();
log.add(`charge-${declined.chargeId}`, {
  type: 'ChargeDeclined',
  data: { chargeId: declined.chargeId, userId: declined.userId, amount: 1_000, reason: 'no money' },
});
const open = new Fan(log, 'open').requestCharge();
const now = at(log.ms);

const payment = (fan: Fan, change: Partial<LedgerPayment> = {}): LedgerPayment => ({
  paymentId: id(`payment ${fan.name}`),
  idempotencyKey: fan.chargeId,
  status: 'approved',
  amount: 1_000,
  settledAt: now,
  ...change,
});
const unpaid = payment(declined, { status: 'declined' });

async function audit(...payments: readonly LedgerPayment[]) {
  const charges = new ChargeBook();
  for (const event of log.events) if (event.stream.startsWith('charge-')) charges.apply(event);
  async function* ledger() {
    yield* payments;
  }
  return auditPayments(ledger(), charges, { now, settleMs: 60_000 });
}

async function codes(...payments: readonly LedgerPayment[]): Promise<string[]> {
  return (await audit(...payments)).findings.map(({ code }) => code);
}

it('finds payments and charges in agreement, those under way aside', async () => {
  expect(await audit(payment(paid), unpaid, payment(open))).toMatchObject({
    clean: true,
    payments: 3,
    taken: 2_000,
    charged: 1_000,
    inFlight: { count: 1, amount: 1_000 },
    checks: [
      { code: 'payment-charged', examined: 1 },
      { code: 'payment-amount', examined: 1 },
      { code: 'charge-paid', examined: 1 },
      { code: 'declined-unpaid', examined: 1 },
    ],
  });
});

it('counts apart what was taken for charges that an operator settles', async () => {
  const apart = new LogUnderAudit();
  const waiting = new Fan(apart, 'waiting').requestCharge().needAttention();
  const settled = new Fan(apart, 'settled').requestCharge().needAttention().settle('rejected');
  const charges = new ChargeBook();
  for (const event of apart.events) charges.apply(event);
  async function* ledger() {
    yield payment(waiting, { amount: 900, settledAt: at(0) });
    yield payment(settled, { settledAt: at(0) });
  }
  expect(await auditPayments(ledger(), charges, { now, settleMs: 60_000 })).toMatchObject({
    clean: true,
    taken: 1_900,
    charged: 0,
    leftToOperators: { count: 2, amount: 1_900 },
  });
});

it('names a charge that nobody paid, and its event', async () => {
  const { findings } = await audit(unpaid);
  expect(findings).toMatchObject([
    { code: 'charge-paid', events: [{ stream: `charge-${paid.chargeId}`, revision: 1 }] },
  ]);
  expect(await codes(payment(paid, { status: 'pending', settledAt: null }))).toEqual(['charge-paid']);
});

it('names a payment that the log does not know, unless it was taken a moment ago', async () => {
  const longAgo = { settledAt: addMs(now, -60_000) };
  const stranger = { idempotencyKey: 'stranger', paymentId: 'pay_stranger' };
  expect(await codes(payment(paid), payment(paid, { ...stranger, ...longAgo }))).toEqual(['payment-charged']);
  expect(await codes(payment(paid), payment(paid, stranger))).toEqual([]);
  expect(await codes(payment(paid), payment(open, longAgo))).toEqual(['payment-charged']);
});

it('names another amount, another payment, and money taken for a declined charge', async () => {
  expect(await codes(payment(paid, { amount: 999 }))).toEqual(['payment-amount']);
  expect(await codes(payment(paid, { paymentId: 'pay_other' }))).toEqual(['payment-charged', 'charge-paid']);
  expect(await codes(payment(paid), payment(declined))).toEqual(['declined-unpaid']);
});
