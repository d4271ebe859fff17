/**
 * How many events a second the SQLite event store makes durable, beside a raw log on the same disk in the
 * same run. See bench/README.md.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openSqliteEventStore } from '../src/event-store/sqlite/sqlite-event-store.js';
import { eventBytes, type LoadOptions, type LoadResult, measureLoad } from './append-log/load.js';
import { RawLog } from './append-log/raw-log.js';

interface Row {
  readonly writers: number;
  readonly store: LoadResult;
  readonly raw: LoadResult;
  /** Median over the repetitions of store rate / raw rate, each pair measured back to back. */
  readonly ratio: number;
}

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    folder: { type: 'string', default: 'data' },
    writers: { type: 'string', default: '1,16,256' },
    seconds: { type: 'string', default: '2' },
    repetitions: { type: 'string', default: '5' },
  },
});

async function measureStore(folder: string, run: string, options: LoadOptions): Promise<LoadResult> {
  const store = await openSqliteEventStore({ file: join(folder, `store-${run}.db`) });
  try {
    return await measureLoad(
      (stream, expected, events) => store.append(stream, expected, events),
      run,
      options,
    );
  } finally {
    await store.close();
  }
}

async function measureRaw(folder: string, run: string, options: LoadOptions): Promise<LoadResult> {
  const log = new RawLog(join(folder, `raw-${run}.log`));
  try {
    return await measureLoad((stream, _, events) => log.append(stream, events), run, options);
  } finally {
    log.close();
  }
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

function medianResult(results: readonly LoadResult[]): LoadResult {
  return {
    appendsPerSecond: median(results.map((result) => result.appendsPerSecond)),
    medianMs: median(results.map((result) => result.medianMs)),
    p99Ms: median(results.map((result) => result.p99Ms)),
  };
}

/** One row: store and raw log in turns, in fresh files each time. */
async function measure(writers: number, repetitions: number, measureMs: number): Promise<Row> {
  const stores: LoadResult[] = [];
  const raws: LoadResult[] = [];
  for (let repetition = 0; repetition < repetitions; repetition++) {
    mkdirSync(values.folder, { recursive: true });
    const folder = mkdtempSync(join(values.folder, 'bench-append-'));
    const run = `${writers}-${repetition}`;
    const options = { writers, warmUpMs: measureMs / 4, measureMs };
    try {
      stores.push(await measureStore(folder, run, options));
      raws.push(await measureRaw(folder, run, options));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  const ratios = stores.map(
    (store, at) => store.appendsPerSecond / (raws[at]?.appendsPerSecond ?? Number.NaN),
  );
  return { writers, store: medianResult(stores), raw: medianResult(raws), ratio: median(ratios) };
}

function printTable(rows: readonly Row[]): void {
  console.table(
    rows.map(({ writers, store, raw, ratio }) => ({
      writers,
      'store appends/s': Math.round(store.appendsPerSecond),
      'raw log appends/s': Math.round(raw.appendsPerSecond),
      ratio: Number(ratio.toFixed(2)),
      'store median ms': Number(store.medianMs.toFixed(2)),
      'store p99 ms': Number(store.p99Ms.toFixed(2)),
      'raw median ms': Number(raw.medianMs.toFixed(2)),
      'raw p99 ms': Number(raw.p99Ms.toFixed(2)),
    })),
  );
}

async function main(): Promise<void> {
  const rows: Row[] = [];
  for (const writers of values.writers.split(',').map(Number)) {
    rows.push(await measure(writers, Number(values.repetitions), Number(values.seconds) * 1000));
  }
  const machine = { cores: availableParallelism(), node: process.version, eventBytes: eventBytes() };
  if (values.json) {
    console.log(JSON.stringify({ ...machine, repetitions: Number(values.repetitions), rows }));
    return;
  }
  console.log(
    `${machine.eventBytes}-byte events, ${machine.cores} cores, Node ${machine.node}; medians of runs`,
  );
  printTable(rows);
}

await main();
