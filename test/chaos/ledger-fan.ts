import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Answer } from '../e2e/fan.js';
import { lookEveryMs, PatientFan, seatTaken } from '../e2e/faults/patient-fan.js';
import type { EntryOf, Ledger, Operation } from './ledger.js';
import type { LoadSettings } from './load.js';
import type { Random } from './random.js';

/** A hold that was lost while its answer was: the repetition is told so. */
const goneMeanwhile = 'hold-ended';
const lateCodes: readonly string[] = [goneMeanwhile, 'hold-lapsed', 'seat-taken'];

/** A fan whose every receipt goes into the ledger. Answers that nothing excuses become defects. */
export class LedgerFan {
  readonly #fan: PatientFan;
  #queueToken = '';

  constructor(
    office: { readonly url: string },
    private readonly ledger: Ledger,
    private readonly random: Random,
    private readonly settings: Pick<LoadSettings, 'clockShiftMs' | 'sharesReplies' | 'patienceMs'>,
  ) {
    this.#fan = new PatientFan(office, settings.patienceMs);
  }

  get userId(): string {
    return this.#fan.userId;
  }

  /** Server errors this fan saw. */
  get serverErrors(): readonly string[] {
    return this.#fan.defects;
  }

  /** Registers, logs in and buys points. @returns whether all of it was answered. */
  async arrive(amount: number): Promise<boolean> {
    this.ledger.requests += 2;
    try {
      await this.#fan.arrive();
    } catch (error) {
      // Either no answer for too long, or one that no fault excuses, which the message shows.
      this.ledger.write('', { kind: 'unknown', what: 'arrive' });
      if (!String(error).includes('for too long'))
        this.ledger.defects.push(`a fan could not arrive: ${error}`);
      return false;
    }
    return this.charge(amount);
  }

  async charge(amount: number): Promise<boolean> {
    const answer = await this.#command('charge', '/v1/wallet/charges', {
      amount,
      paymentMethod: 'card-approve',
    });
    if (answer?.status !== 201) return false;
    const { chargeId, amount: charged } = answer.body;
    this.ledger.write(this.userId, { kind: 'charged', chargeId, amount: charged });
    return true;
  }

  /** Joins the queue and waits for the turn, or until `isOver`. @returns whether it came. */
  async queue(performanceId: string, numberOfTickets: number, isOver: () => boolean): Promise<boolean> {
    const path = `/v1/performances/${performanceId}/queue-token`;
    const joined = await this.#ask('queue', () =>
      this.#fan.persist('POST', path, { body: { numberOfTickets } }),
    );
    if (!joined || !this.#isAmong(joined, 'queue', [200, 201])) return false;
    this.#queueToken = joined.body.queueToken;
    const { tokenId, number } = joined.body;
    this.ledger.write(this.userId, { kind: 'token', tokenId, number });
    let { status } = joined.body;
    while (status !== 'admitted' && status !== 'entered') {
      if (isOver()) return false;
      await delay(lookEveryMs);
      const looked = await this.#ask('queue', () => this.#fan.persist('GET', path, this.#pass()));
      if (!looked || !this.#isAmong(looked, 'queue', [200])) return false;
      status = looked.body.status;
    }
    return true;
  }

  /** @returns the hold, or undefined when somebody else has one of the seats or there was no answer. */
  async hold(scheduleId: string, seatIds: readonly string[]): Promise<EntryOf<'held'> | undefined> {
    const answer = await this.#command('hold', `/v1/schedules/${scheduleId}/holds`, { seatIds }, [
      ...seatTaken,
      goneMeanwhile,
    ]);
    if (answer?.status !== 201) return undefined;
    const { holdId, expiresAt } = answer.body;
    const held = { kind: 'held', holdId, scheduleId, seatIds, expiresAt } as const;
    this.ledger.write(this.userId, held);
    return held;
  }

  async release({ holdId }: EntryOf<'held'>): Promise<void> {
    const answer = await this.#ask('release', () =>
      this.#fan.persist('DELETE', `/v1/holds/${holdId}`, this.#pass()),
    );
    if (answer && this.#isAmong(answer, 'release', [200])) {
      this.ledger.write(this.userId, { kind: 'released', holdId });
    }
  }

  /** @returns the order, or undefined when it was refused because the hold was over, or there was no answer. */
  async pay(hold: EntryOf<'held'>): Promise<string | undefined> {
    const { holdId, expiresAt } = hold;
    const answer = await this.#command('pay', '/v1/orders', { holdIds: [holdId] }, lateCodes);
    if (!answer) return undefined;
    if (answer.status !== 201) {
      const early = Date.parse(expiresAt) - Math.abs(this.settings.clockShiftMs) - Date.now();
      if (early > 0) this.#defect('pay', answer, `${early} ms before the deadline of hold ${holdId}`);
      return undefined;
    }
    const { orderId, totalAmount, items } = answer.body;
    const seatIds = items.map((item: { seatId: string }) => item.seatId);
    this.ledger.write(this.userId, { kind: 'paid', orderId, holdId, seatIds, amount: totalAmount });
    return orderId;
  }

  async cancel(orderId: string): Promise<void> {
    const answer = await this.#ask('cancel', () => this.#fan.persist('POST', `/v1/orders/${orderId}/cancel`));
    if (!answer || !this.#isAmong(answer, 'cancel', [200])) return;
    if (answer.body.orderStatus !== 'refunded') this.#defect('cancel', answer, 'the order is not refunded');
    this.ledger.write(this.userId, { kind: 'refunded', orderId });
  }

  /** What the read models show at a position of the log. @throws when they cannot be read. */
  async shown(path: string, position: number): Promise<Answer> {
    return this.#fan.persist('GET', path, { headers: { 'x-wait-for-position': String(position) } });
  }

  async list(path: string, position: number): Promise<unknown[]> {
    return this.#fan.list(path, { 'x-wait-for-position': String(position) });
  }

  /** A request under a new key; every fourth time the fan taps twice and must be told the same twice. */
  async #command(
    what: Operation,
    path: string,
    body: unknown,
    refusals: readonly string[] = [],
  ): Promise<Answer | undefined> {
    const key = randomUUID();
    const ask = () => this.#ask(what, () => this.#fan.persist('POST', path, { ...this.#pass(), body, key }));
    const taps = this.random.next() < 0.25 ? [ask(), ask()] : [ask()];
    const answers = (await Promise.all(taps)).filter((answer) => answer !== undefined);
    const first = this.#whatCounts(answers);
    if (!first) return undefined;
    const isRefusal = ({ body }: Answer) => refusals.includes(body?.code);
    const isExcused = (answer: Answer) => !this.settings.sharesReplies && isRefusal(answer);
    for (const other of answers) {
      if (isSame(first, other) || isExcused(other)) continue;
      this.#defect(what, other, `first told ${summaryOf(first)}`);
    }
    if (isRefusal(first)) {
      this.ledger.write(this.userId, { kind: 'refused', what, code: first.body.code });
      return first;
    }
    return this.#isAmong(first, what, [201]) ? first : undefined;
  }

  /**
   * Of the answers to one request. Processes that share no replies may refuse one tap and, a moment later, grant the
   * other: what was granted counts.
   */
  #whatCounts(answers: readonly Answer[]): Answer | undefined {
    const granted = this.settings.sharesReplies ? undefined : answers.find(({ status }) => status === 201);
    return granted ?? answers[0];
  }

  async #ask(what: Operation, persist: () => Promise<Answer>): Promise<Answer | undefined> {
    this.ledger.requests++;
    try {
      return await persist();
    } catch {
      this.ledger.write(this.userId, { kind: 'unknown', what });
      return undefined;
    }
  }

  #pass(): { readonly headers: Record<string, string> } {
    return { headers: this.#queueToken === '' ? {} : { 'x-queue-token': this.#queueToken } };
  }

  #isAmong(answer: Answer, what: Operation, statuses: readonly number[]): boolean {
    if (statuses.includes(answer.status)) return true;
    this.#defect(what, answer, 'no fault excuses this answer');
    return false;
  }

  #defect(what: Operation, answer: Answer, why: string): void {
    this.ledger.defects.push(`fan ${this.userId}: ${what} was answered ${summaryOf(answer)}: ${why}`);
  }
}

function isSame(first: Answer, second: Answer): boolean {
  if (first.status === second.status && idOf(first) === idOf(second)) return true;
  return first.body?.code === goneMeanwhile || second.body?.code === goneMeanwhile;
}

/** What a repetition must name as well. */
function idOf({ body }: Answer): unknown {
  return body?.code ?? body?.orderId ?? body?.holdId ?? body?.chargeId;
}

function summaryOf({ status, body }: Answer): string {
  return `${status} ${JSON.stringify(body)?.slice(0, 300)}`;
}
