import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { toInstant } from '../../../events/ids.js';
import { createPrivateFile } from '../../../platform/data-folder.js';
import { Database } from '../../../platform/sqlite.js';
import { type CreatePayment, type Payment, paymentSchema } from '../wire.js';

/** The first status of a payment. */
export type Decision =
  | { readonly status: 'approved' | 'pending' }
  | { readonly status: 'declined'; readonly reason: string };

interface Recorded {
  readonly payment: Payment;
  /** False: the key already had a payment, and nothing was written. */
  readonly created: boolean;
}

const totalSchema = z.object({ count: z.number(), amount: z.number() });
type Total = z.infer<typeof totalSchema>;

/** Largest page of {@link Ledger.page}. */
export const maxPageSize = 1000;

/** Payments and points by status, over the whole ledger. */
type LedgerTotals = Record<Payment['status'], Total>;

const schema = `
  CREATE TABLE IF NOT EXISTS payments (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    payment_id TEXT NOT NULL UNIQUE,
    idempotency_key TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL CHECK (status IN ('approved', 'declined', 'pending')),
    amount INTEGER NOT NULL CHECK (amount > 0),
    payment_method TEXT NOT NULL,
    reference TEXT NOT NULL,
    callback_url TEXT,
    decline_reason TEXT CHECK ((decline_reason IS NOT NULL) = (status = 'declined')),
    created_at TEXT NOT NULL,
    settled_at TEXT CHECK ((settled_at IS NULL) = (status = 'pending'))
  ) STRICT;
  CREATE INDEX IF NOT EXISTS payments_by_status ON payments (status, amount);`;

const columns = `sequence, payment_id AS paymentId, idempotency_key AS idempotencyKey, status, amount,
  payment_method AS paymentMethod, reference, callback_url AS callbackUrl,
  decline_reason AS declineReason, created_at AS createdAt, settled_at AS settledAt`;

/** The payments, in an SQLite file. What a call has written is on disk when it returns. */
export class Ledger {
  private readonly db: Database;

  /**
   * @param file path of the SQLite file, created if missing; `:memory:` stores nothing on disk.
   * @param options `readOnly`: read an existing file, also while the payment system writes it; default false.
   * @throws when the file cannot be opened or is not a ledger.
   */
  constructor(file: string, { readOnly = false } = {}) {
    if (!readOnly && file !== ':memory:') createPrivateFile(file);
    this.db = new Database(file, { readonly: readOnly, fileMustExist: readOnly });
    if (readOnly) return;
    try {
      this.db.pragma('journal_mode = WAL');
      this.db.pragma('synchronous = FULL');
      this.db.exec(schema);
    } catch (error) {
      this.db.close();
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`the payments in ${file} cannot be used: ${reason}; restore them from a backup`, {
        cause: error,
      });
    }
  }

  /** Writes the payment of a key; if the key has one already, returns that one. Atomic. */
  record(idempotencyKey: string, request: CreatePayment, decision: Decision, nowMs: number): Recorded {
    const now = toInstant(nowMs);
    const { changes } = this.db
      .prepare(
        `INSERT INTO payments (payment_id, idempotency_key, status, amount, payment_method, reference,
           callback_url, decline_reason, created_at, settled_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (idempotency_key) DO NOTHING`,
      )
      .run(
        `pay_${randomUUID()}`,
        idempotencyKey,
        decision.status,
        request.amount,
        request.paymentMethod,
        request.reference,
        request.callbackUrl ?? null,
        decision.status === 'declined' ? decision.reason : null,
        now,
        decision.status === 'pending' ? null : now,
      );
    const payment = this.findByKey(idempotencyKey);
    if (payment === undefined) throw new Error(`payment of key ${idempotencyKey} vanished from the ledger`);
    return { payment, created: changes === 1 };
  }

  findByKey(idempotencyKey: string): Payment | undefined {
    return this.find('idempotency_key = ?', idempotencyKey);
  }

  findById(paymentId: string): Payment | undefined {
    return this.find('payment_id = ?', paymentId);
  }

  /** Approves a pending payment and returns it; undefined when it is not pending. */
  settle(paymentId: string, nowMs: number): Payment | undefined {
    const { changes } = this.db
      .prepare(
        `UPDATE payments SET status = 'approved', settled_at = ? WHERE payment_id = ? AND status = 'pending'`,
      )
      .run(toInstant(nowMs), paymentId);
    return changes === 1 ? this.findById(paymentId) : undefined;
  }

  /** Approves all pending payments: the timers that would do it ended with the last process. */
  settleAll(nowMs: number): void {
    this.db
      .prepare(`UPDATE payments SET status = 'approved', settled_at = ? WHERE status = 'pending'`)
      .run(toInstant(nowMs));
  }

  /**
   * The payments after a sequence number, oldest first.
   * @param limit 1 to {@link maxPageSize}.
   */
  page(afterSequence: number, limit: number): Payment[] {
    const rows = this.db
      .prepare(`SELECT ${columns} FROM payments WHERE sequence > ? ORDER BY sequence LIMIT ?`)
      .all(afterSequence, limit);
    return z.array(paymentSchema).parse(rows);
  }

  totals(): LedgerTotals {
    const total = (status: Payment['status']) =>
      totalSchema.parse(
        this.db
          .prepare(
            'SELECT count(*) AS count, coalesce(sum(amount), 0) AS amount FROM payments WHERE status = ?',
          )
          .get(status),
      );
    return { approved: total('approved'), declined: total('declined'), pending: total('pending') };
  }

  close(): void {
    this.db.close();
  }

  private find(condition: string, value: string): Payment | undefined {
    const row = this.db.prepare(`SELECT ${columns} FROM payments WHERE ${condition}`).get(value);
    return row === undefined ? undefined : paymentSchema.parse(row);
  }
}
