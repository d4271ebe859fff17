import { createConnection } from 'mysql2/promise';

/** The one date that is sold. */
export const peerScheduleId = '11111111-1111-4111-8111-111111111111';
export const peerPerformanceId = '22222222-2222-4222-8222-222222222222';
export const holdTtlMs = 3_600_000;
export const turnMs = 7_200_000;
export const seatLimit = 20;

/** Of a seat: 0 free, 1 held, 2 sold. */
const tables = [
  `CREATE TABLE seats (
     schedule_id CHAR(36) CHARACTER SET ascii NOT NULL,
     seat_id VARCHAR(64) CHARACTER SET ascii NOT NULL,
     plan_index INT NOT NULL,
     section_id VARCHAR(64) NOT NULL,
     row_label VARCHAR(64) NOT NULL,
     number VARCHAR(64) NOT NULL,
     category VARCHAR(100) NOT NULL,
     price INT NOT NULL,
     x INT NOT NULL,
     y INT NOT NULL,
     status TINYINT NOT NULL DEFAULT 0,
     hold_id CHAR(36) CHARACTER SET ascii,
     token_id CHAR(36) CHARACTER SET ascii,
     held_until DATETIME(3),
     PRIMARY KEY (schedule_id, seat_id),
     KEY by_status (schedule_id, status),
     KEY by_hold (hold_id),
     KEY by_token (token_id)
   ) ENGINE=InnoDB`,
  `CREATE TABLE turns (
     token_id CHAR(36) CHARACTER SET ascii NOT NULL PRIMARY KEY,
     user_id CHAR(36) CHARACTER SET ascii NOT NULL,
     expires_at DATETIME(3) NOT NULL
   ) ENGINE=InnoDB`,
  `CREATE TABLE holds (
     hold_id CHAR(36) CHARACTER SET ascii NOT NULL PRIMARY KEY,
     token_id CHAR(36) CHARACTER SET ascii NOT NULL,
     idempotency_key VARCHAR(255) CHARACTER SET ascii NOT NULL,
     total INT NOT NULL,
     expires_at DATETIME(3) NOT NULL,
     released_at DATETIME(3),
     UNIQUE KEY once (token_id, idempotency_key)
   ) ENGINE=InnoDB`,
];

const seatsPerRow = 50;
const rowsPerSection = 20;
const rowsPerInsert = 1_000;

/** The names of the peer's seats; its plan has sections of 1,000, as the office's has. */
export function peerSeatIds(count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const row = Math.floor(index / seatsPerRow);
    return `S${Math.floor(row / rowsPerSection)}-R${row % rowsPerSection}-${index % seatsPerRow}`;
  });
}

/** Tables, and `seats` free seats. */
export async function createTables(url: string, seats: number): Promise<void> {
  const connection = await createConnection({ uri: url });
  try {
    for (const table of tables) await connection.query(table);
    const rows = peerSeatIds(seats).map((seatId, index) => {
      const [section, row, number] = seatId.split('-');
      const y = Math.floor(index / seatsPerRow);
      return [peerScheduleId, seatId, index, section, row, number, 'standard', 100, index % seatsPerRow, y];
    });
    const columns = 'schedule_id, seat_id, plan_index, section_id, row_label, number, category, price, x, y';
    for (let from = 0; from < rows.length; from += rowsPerInsert) {
      const page = rows.slice(from, from + rowsPerInsert);
      await connection.query(`INSERT INTO seats (${columns}) VALUES ?`, [page]);
    }
  } finally {
    await connection.end();
  }
}
