import { randomUUID } from 'node:crypto';
import { ConflictException, ForbiddenException, NotFoundException } from '@nestjs/common';
import type { Pool, PoolConnection, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import { holdTtlMs, peerScheduleId, seatLimit, turnMs } from './schema.js';

/** How seats are taken. */
export type Taking = 'row-lock' | 'conditional-update';

export interface Hold {
  readonly holdId: string;
  readonly scheduleId: string;
  readonly seats: readonly { readonly seatId: string; readonly price: number }[];
  readonly total: number;
  readonly expiresAt: string;
}

const deadlock = 1_213;
const duplicateKey = 1_062;
const maxAttempts = 5;

/** Seats in MariaDB. Every change is one transaction that first locks what it decides about. */
export class Bookings {
  constructor(
    private readonly pool: Pool,
    private readonly taking: Taking,
  ) {}

  /** A fan comes in; again changes nothing. */
  async enter(tokenId: string, userId: string): Promise<void> {
    const expiresAt = new Date(Date.now() + turnMs);
    const sql = 'INSERT IGNORE INTO turns (token_id, user_id, expires_at) VALUES (?, ?, ?)';
    await this.pool.execute(sql, [tokenId, userId, expiresAt]);
  }

  /** @throws {ConflictException} seat-held, seat-limit-reached, token-ended */
  async hold(tokenId: string, seatIds: readonly string[], idempotencyKey: string): Promise<Hold> {
    try {
      return await this.#inTransaction(async (db) => {
        const expiresAt = new Date(Date.now() + holdTtlMs);
        const hold = { holdId: randomUUID(), tokenId, expiresAt };
        // In one order, so that two fans who want the same seats do not wait for each other.
        const wanted = seatIds.toSorted();
        await this.#checkTurn(db, tokenId, wanted.length);
        const locked = this.taking === 'row-lock' ? await this.#lock(db, wanted) : undefined;
        await this.#take(db, wanted, hold);
        const seats = locked ?? (await this.#read(db, wanted));
        const total = seats.reduce((sum, { price }) => sum + price, 0);
        const columns = 'hold_id, token_id, idempotency_key, total, expires_at';
        const values = [hold.holdId, tokenId, idempotencyKey, total, expiresAt];
        await db.execute(`INSERT INTO holds (${columns}) VALUES (?, ?, ?, ?, ?)`, values);
        const scheduleId = peerScheduleId;
        return { holdId: hold.holdId, scheduleId, seats, total, expiresAt: expiresAt.toISOString() };
      });
    } catch (error) {
      if (errorNumber(error) === duplicateKey) return this.#repeated(tokenId, idempotencyKey);
      throw error;
    }
  }

  /** @throws {NotFoundException} hold-unknown */
  async release(tokenId: string, holdId: string): Promise<void> {
    await this.#inTransaction(async (db) => {
      const [ended] = await db.execute<ResultSetHeader>(
        'UPDATE holds SET released_at = NOW(3) WHERE hold_id = ? AND token_id = ? AND released_at IS NULL',
        [holdId, tokenId],
      );
      if (ended.affectedRows === 0) throw new NotFoundException({ code: 'hold-unknown' });
      await db.execute(
        'UPDATE seats SET status = 0, hold_id = NULL, token_id = NULL, held_until = NULL WHERE hold_id = ? AND status = 1',
        [holdId],
      );
    });
  }

  /** Every seat with its place and status. */
  async seatMap() {
    const [rows] = await this.pool.execute<SeatRow[]>(
      `SELECT seat_id, section_id, row_label, number, category, price, x, y,
         IF(status = 1 AND held_until <= NOW(3), 0, status) AS status
       FROM seats WHERE schedule_id = ? ORDER BY plan_index`,
      [peerScheduleId],
    );
    const sections = new Map<string, Map<string, object[]>>();
    for (const { seat_id, section_id, row_label, number, category, price, x, y, status } of rows) {
      const section = sections.get(section_id) ?? new Map<string, object[]>();
      const row = section.get(row_label) ?? [];
      row.push({ seatId: seat_id, number, category, price, x, y, status: statusNames[status] });
      sections.set(section_id, section.set(row_label, row));
    }
    return {
      scheduleId: peerScheduleId,
      sections: [...sections].map(([sectionId, bySection]) => ({
        sectionId,
        rows: [...bySection].map(([label, seats]) => ({ label, seats })),
      })),
    };
  }

  /** Places in the plan of the seats that are not free. */
  async taken() {
    const [rows] = await this.pool.execute<(RowDataPacket & { plan_index: number })[]>(
      `SELECT plan_index FROM seats
       WHERE schedule_id = ? AND status IN (1, 2) AND (status = 2 OR held_until > NOW(3)) ORDER BY plan_index`,
      [peerScheduleId],
    );
    return { scheduleId: peerScheduleId, taken: rows.map((row) => row.plan_index) };
  }

  /** Locks the fan's turn, so that two requests of one fan are counted one after the other. */
  async #checkTurn(db: PoolConnection, tokenId: string, seats: number): Promise<void> {
    const [turns] = await db.execute<RowDataPacket[]>(
      'SELECT token_id FROM turns WHERE token_id = ? AND expires_at > NOW(3) FOR UPDATE',
      [tokenId],
    );
    if (turns.length === 0) throw new ForbiddenException({ code: 'token-ended' });
    const [[counted]] = await db.execute<(RowDataPacket & { seats: number })[]>(
      'SELECT COUNT(*) AS seats FROM seats WHERE token_id = ? AND (status = 2 OR held_until > NOW(3))',
      [tokenId],
    );
    if ((counted?.seats ?? 0) + seats > seatLimit)
      throw new ConflictException({ code: 'seat-limit-reached' });
  }

  /** @throws {ConflictException} when one is not free. */
  async #lock(db: PoolConnection, seatIds: readonly string[]) {
    const [rows] = await db.execute<(SeatRow & { is_free: number })[]>(
      `SELECT seat_id, price, (${isFree}) AS is_free FROM seats
       WHERE schedule_id = ? AND seat_id IN (${marks(seatIds)}) ORDER BY seat_id FOR UPDATE`,
      [peerScheduleId, ...seatIds],
    );
    if (rows.length < seatIds.length) throw new NotFoundException({ code: 'seat-unknown' });
    if (rows.some((row) => row.is_free === 0)) throw seatHeld();
    return rows.map(({ seat_id, price }) => ({ seatId: seat_id, price }));
  }

  async #read(db: PoolConnection, seatIds: readonly string[]) {
    const [rows] = await db.execute<SeatRow[]>(
      `SELECT seat_id, price FROM seats WHERE schedule_id = ? AND seat_id IN (${marks(seatIds)})`,
      [peerScheduleId, ...seatIds],
    );
    if (rows.length < seatIds.length) throw new NotFoundException({ code: 'seat-unknown' });
    return rows.map(({ seat_id, price }) => ({ seatId: seat_id, price }));
  }

  /** @throws {ConflictException} when one is not free any more. */
  async #take(
    db: PoolConnection,
    seatIds: readonly string[],
    { holdId, tokenId, expiresAt }: { holdId: string; tokenId: string; expiresAt: Date },
  ): Promise<void> {
    const condition = this.taking === 'row-lock' ? '' : ` AND (${isFree})`;
    const [result] = await db.execute<ResultSetHeader>(
      `UPDATE seats SET status = 1, hold_id = ?, token_id = ?, held_until = ?
       WHERE schedule_id = ? AND seat_id IN (${marks(seatIds)})${condition}`,
      [holdId, tokenId, expiresAt, peerScheduleId, ...seatIds],
    );
    if (result.affectedRows < seatIds.length) throw seatHeld();
  }

  async #repeated(tokenId: string, idempotencyKey: string): Promise<Hold> {
    const [[row]] = await this.pool.execute<RowDataPacket[]>(
      'SELECT hold_id, total, expires_at FROM holds WHERE token_id = ? AND idempotency_key = ?',
      [tokenId, idempotencyKey],
    );
    if (!row) throw seatHeld();
    const { hold_id: holdId, total, expires_at: expiresAt } = row;
    const [seats] = await this.pool.execute<SeatRow[]>('SELECT seat_id, price FROM seats WHERE hold_id = ?', [
      holdId,
    ]);
    const held = seats.map(({ seat_id, price }) => ({ seatId: seat_id, price }));
    return { holdId, scheduleId: peerScheduleId, seats: held, total, expiresAt };
  }

  async #inTransaction<Result>(work: (db: PoolConnection) => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      const db = await this.pool.getConnection();
      try {
        await db.beginTransaction();
        const result = await work(db);
        await db.commit();
        return result;
      } catch (error) {
        await db.rollback();
        if (errorNumber(error) !== deadlock || attempt >= maxAttempts) throw error;
      } finally {
        db.release();
      }
    }
  }
}

interface SeatRow extends RowDataPacket {
  readonly seat_id: string;
  readonly section_id: string;
  readonly row_label: string;
  readonly number: string;
  readonly category: string;
  readonly price: number;
  readonly x: number;
  readonly y: number;
  readonly status: number;
}

const statusNames = ['free', 'held', 'reserved'];
const isFree = 'status = 0 OR (status = 1 AND held_until <= NOW(3))';

function marks(values: readonly unknown[]): string {
  return values.map(() => '?').join(', ');
}

function seatHeld(): ConflictException {
  return new ConflictException({ code: 'seat-held' });
}

function errorNumber(error: unknown): number | undefined {
  return error instanceof Error && 'errno' in error ? Number(error.errno) : undefined;
}
