import { runVirtualPaymentSystem } from '../../../../src/integrations/payment/virtual/server.js';
import { apiKey, callbackSecret, newKey, PaymentClient } from '../payment-client.js';

const options = { host: '127.0.0.1', port: 0, file: ':memory:', apiKey, callbackSecret };

describe('runVirtualPaymentSystem', () => {
  it('prints its address, serves until it is stopped, and closes everything', async () => {
    const stop = new AbortController();
    let running: Promise<void> = Promise.resolve();
    const line = await new Promise<string>((resolve) => {
      running = runVirtualPaymentSystem(options, stop.signal, resolve);
    });
    const client = new PaymentClient(/http:\S+?(?=,)/.exec(line)?.[0] ?? '');
    expect((await client.pay(newKey())).status).toBe(201);
    stop.abort();
    await running;
    await expect(client.pay(newKey())).rejects.toThrow();
  });
});
