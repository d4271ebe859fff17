import { randomUUID } from 'node:crypto';
import type { Random } from '../../../../src/platform/random.js';
import type { Database } from '../../../../src/platform/sqlite.js';

/** What was done to a log, and the event it was done to where that is one whose place is known. */
export interface Tampering {
  readonly what: string;
  /** Position of the one event changed in place; undefined when several were, or none is left to name. */
  readonly position?: number;
}

type Tamper = (log: Database, random: Random) => Tampering;

/** How somebody with write access to a log's file may forge it; each returns what it did. */
const tamperings: readonly Tamper[] = [
  change('data', (text, random) => spliced(text, random)),
  change('data', (text) => text.replace(/\d(?=\D*$)/, (digit) => String((Number(digit) + 1) % 10))),
  change('data', (text) => `${text} `),
  change('metadata', (text, random) => spliced(text, random)),
  change('type', (text) => `${text}Not`),
  change('category', (text) => `${text}s`),
  change('recorded_at', (ms) => Number(ms) + 1),
  change('revision', (revision, random) => Number(revision) + 1_000 + random.below(1_000)),
  (log, random) => {
    const position = anyPosition(log, random);
    log
      .prepare('UPDATE events SET id = ? WHERE position = ?')
      .run(Buffer.from(randomUUID().slice(0, 16)), position);
    return { what: 'id changed', position };
  },
  (log, random) => {
    const position = anyPosition(log, random);
    log.prepare('DELETE FROM events WHERE position = ?').run(position);
    return { what: 'event deleted' };
  },
  (log, random) => {
    const kept = log.prepare<[], number>('SELECT max(position) FROM events').pluck().get() ?? 0;
    const cut = 1 + random.below(kept - 1);
    log.prepare('DELETE FROM events WHERE position > ?').run(kept - cut);
    return { what: 'tail cut off' };
  },
  (log, random) => {
    const [a, b] = twoPositions(log, random);
    const move = log.prepare('UPDATE events SET position = ? WHERE position = ?');
    move.run(-1, a);
    move.run(a, b);
    move.run(b, -1);
    return { what: 'events swapped' };
  },
  (log, random) => {
    const [a, b] = twoPositions(log, random);
    const dataOf = log.prepare<[number], string>('SELECT data FROM events WHERE position = ?').pluck();
    const [ofA, ofB] = [dataOf.get(a), dataOf.get(b)];
    const set = log.prepare('UPDATE events SET data = ? WHERE position = ?');
    set.run(ofB, a);
    set.run(ofA, b);
    return { what: 'data swapped' };
  },
  (log, random) => {
    const position = anyPosition(log, random);
    const other = log
      .prepare<[number], { id: number; next: number }>(
        `SELECT stream AS id, max(revision) + 1 AS next FROM events
         WHERE stream <> (SELECT stream FROM events WHERE position = ?) GROUP BY stream ORDER BY random() LIMIT 1`,
      )
      .get(position);
    log
      .prepare('UPDATE events SET stream = ?, revision = ? WHERE position = ?')
      .run(other?.id, other?.next, position);
    return { what: 'event moved to another stream', position };
  },
  (log, random) => {
    const position = anyPosition(log, random);
    log.prepare('UPDATE events SET position = -position - 1 WHERE position >= ?').run(position);
    log.prepare('UPDATE events SET position = -position WHERE position < 0').run();
    log
      .prepare(
        `INSERT INTO events SELECT ?, stream, revision + 5000, randomblob(16), type, data, metadata, recorded_at, category
         FROM events WHERE position = ?`,
      )
      .run(position, position + 1);
    return { what: 'event inserted', position };
  },
  ofStream('stream renamed', 'UPDATE streams SET name = name || ? WHERE id = ?', ['x']),
  ofStream('stream of another category', 'UPDATE streams SET category = category || ? WHERE id = ?', ['x']),
  ofStream('stream deleted', 'DELETE FROM streams WHERE id = ?', []),
];

/** Forges a log once, in a way chosen at random. */
export function tamper(log: Database, random: Random): Tampering {
  const way = tamperings[random.below(tamperings.length)] ?? tamperings[0];
  if (!way) throw new Error('there are ways to tamper');
  return way(log, random);
}

function change(column: string, to: (value: string, random: Random) => string | number): Tamper {
  return (log, random) => {
    const position = anyPosition(log, random);
    const before = log
      .prepare<[number], string>(`SELECT ${column} FROM events WHERE position = ?`)
      .pluck()
      .get(position);
    const after = to(String(before), random);
    if (String(after) === String(before)) throw new Error(`${column} was to change`);
    log.prepare(`UPDATE events SET ${column} = ? WHERE position = ?`).run(after, position);
    return { what: `${column} changed`, position };
  };
}

/** Puts a character that is not there in place of one. */
function spliced(text: string, random: Random): string {
  const index = random.below(text.length);
  return `${text.slice(0, index)}~${text.slice(index + 1)}`;
}

function ofStream(what: string, sql: string, parameters: readonly string[]): Tamper {
  return (log, random) => {
    const of = 'SELECT stream FROM events WHERE position = ?';
    const stream = log.prepare<[number], number>(of).pluck().get(anyPosition(log, random));
    log.prepare(sql).run(...parameters, stream);
    return { what };
  };
}

function anyPosition(log: Database, random: Random): number {
  const positions = log.prepare<[], number>('SELECT position FROM events ORDER BY position').pluck().all();
  return positions[random.below(positions.length)] ?? 1;
}

function twoPositions(log: Database, random: Random): [number, number] {
  const a = anyPosition(log, random);
  let b = anyPosition(log, random);
  while (b === a) b = anyPosition(log, random);
  return [a, b];
}
