import { CallbackSender, PendingTimers } from '../../../../src/integrations/payment/virtual/callbacks.js';
import { Ledger } from '../../../../src/integrations/payment/virtual/ledger.js';
import { Behaviours, Payments } from '../../../../src/integrations/payment/virtual/payments.js';
import { ManualTimers } from '../manual-timers.js';
import { callbackSecret, newKey } from '../payment-client.js';

const nowMs = () => Date.UTC(2026, 10, 22);
const request = { amount: 100, paymentMethod: 'card-pending', reference: 'overload' };

describe('when as much is put off as may be', () => {
  it('refuses new payments without writing them, until a timer has run', async () => {
    const source = new ManualTimers();
    const timers = new PendingTimers(source, 1);
    const ledger = new Ledger(':memory:');
    const callbacks = new CallbackSender(
      {
        secret: callbackSecret,
        retryDelaysMs: [],
        timeoutMs: 1,
        allowedHosts: [],
        nowMs,
        log: () => undefined,
      },
      timers,
    );
    const payments = new Payments(ledger, new Behaviours(), callbacks, timers, nowMs);
    const [first, second] = [newKey(), newKey()];
    await payments.create(first, request);
    await expect(payments.create(second, request)).rejects.toMatchObject({ status: 503 });
    expect(ledger.findByKey(second)).toBeUndefined();
    expect(await payments.create(first, request)).toMatchObject({ status: 202 });
    (await source.next()).fire();
    expect(await payments.create(second, request)).toMatchObject({ status: 202 });
    ledger.close();
  });
});

describe('PendingTimers', () => {
  it('takes nothing more once it is closed', () => {
    const source = new ManualTimers();
    const timers = new PendingTimers(source, 10);
    timers.close();
    expect(timers.after(5, () => undefined)).toBe(false);
    expect(source.unread).toBe(0);
  });
});
