import { z } from 'zod';
import type { ApiClient, ApiReply, ApiRequest } from './api-client.js';
import { chargeSchema, registeredSchema, sessionSchema } from './replies.js';
import type { Tally } from './tally.js';

/** How long before its end an access token is replaced. */
const renewBeforeMs = 60_000;
const chargePollMs = 400;
/** Looks at a charge that the payment system has not decided. */
const maxChargeLooks = 60;

/** One fan's account: registers, stays logged in, charges points. */
export class Account {
  #session: { readonly token: string; readonly endsAtMs: number } | undefined;

  constructor(
    private readonly api: ApiClient,
    private readonly tally: Tally,
    readonly loginId: string,
    private readonly password: string,
  ) {}

  get isRegistered(): boolean {
    return this.#session !== undefined;
  }

  /** Registers and logs in. @returns whether that worked. */
  async open(): Promise<boolean> {
    const { loginId, password } = this;
    const body = { loginId, username: loginId, name: `Demo ${loginId}`, password };
    const registered = await this.api.send({
      method: 'POST',
      path: '/v1/users',
      reply: registeredSchema,
      body,
    });
    if (registered.kind === 'refused') return false;
    return this.#logIn();
  }

  /** A request of this fan's own. */
  async send<T>(request: ApiRequest<T>): Promise<ApiReply<T>> {
    if (!this.#session || Date.now() > this.#session.endsAtMs - renewBeforeMs) await this.#logIn();
    return this.api.send({ ...request, ...(this.#session ? { token: this.#session.token } : {}) });
  }

  /** Buys points. @returns whether they are in the wallet; a declined card or a slow payment system: false. */
  async charge(amount: number, paymentMethod: string): Promise<boolean> {
    const body = { amount, paymentMethod };
    const path = '/v1/wallet/charges';
    const charge = await this.send({ method: 'POST', path, reply: chargeSchema, body, isOnce: true });
    if (charge.kind === 'refused') return false;
    let { status } = charge.body;
    for (let look = 0; status !== 'credited' && status !== 'declined' && look < maxChargeLooks; look++) {
      await this.api.pause(chargePollMs);
      const reply = z.object({ status: z.string() });
      const now = await this.send({ method: 'GET', path: `${path}/${charge.body.chargeId}`, reply });
      if (now.kind === 'ok') status = now.body.status;
    }
    if (status !== 'credited') return false;
    this.tally.pointsCharged += amount;
    return true;
  }

  async #logIn(): Promise<boolean> {
    const { loginId, password } = this;
    const path = '/v1/auth/login';
    const reply = await this.api.send({
      method: 'POST',
      path,
      reply: sessionSchema,
      body: { loginId, password },
    });
    if (reply.kind === 'refused') return false;
    const { accessToken: token, accessTokenExpiresAt } = reply.body;
    this.#session = { token, endsAtMs: Date.parse(accessTokenExpiresAt) };
    return true;
  }
}
