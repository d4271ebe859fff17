/**
 * How many appends a second go through the EventStoreDB adapter, beside the bare client doing the same against
 * the same server in the same run. See bench/README.md.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { openEventStoreDb } from '../src/event-store/eventstoredb/event-store-db.js';
// Compiles the file the child process runs.
import type {} from '../test/eventstoredb-server/server-process.js';
import { newEventStore } from '../test/services/event-store.js';
import {
  type Append,
  eventBytes,
  type LoadOptions,
  type LoadResult,
  measureLoad,
} from './append-log/load.js';

interface Row {
  readonly writers: number;
  readonly adapter: LoadResult;
  readonly client: LoadResult;
  /** Median over the repetitions of adapter rate / client rate, each pair measured back to back. */
  readonly ratio: number;
}

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    writers: { type: 'string', default: '1,16,256' },
    seconds: { type: 'string', default: '2' },
    repetitions: { type: 'string', default: '5' },
  },
});

async function measureAdapter(
  connectionString: string,
  run: string,
  options: LoadOptions,
): Promise<LoadResult> {
  const store = openEventStoreDb({ connectionString });
  try {
    return await measureLoad((...append) => store.append(...append), `adapter-${run}`, options);
  } finally {
    await store.close();
  }
}

async function measureClient(
  connectionString: string,
  run: string,
  options: LoadOptions,
): Promise<LoadResult> {
  const client = EventStoreDBClient.connectionString(connectionString);
  const append: Append = (stream, expected, events) => {
    const expectedRevision = typeof expected === 'number' ? BigInt(expected) : ('no_stream' as const);
    // What measureLoad() makes is JSON; the port's type for it is unknown, the client's is its own.
    const proposed = events.map((event) => jsonEvent(event as Parameters<typeof jsonEvent>[0]));
    return client.appendToStream(stream, proposed, { expectedRevision });
  };
  try {
    return await measureLoad(append, `client-${run}`, options);
  } finally {
    await client.dispose();
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

/** One row: adapter and client in turns, each turn on a fresh server; who goes first changes too. */
async function measure(writers: number, repetitions: number, measureMs: number): Promise<Row> {
  const adapters: LoadResult[] = [];
  const clients: LoadResult[] = [];
  for (let repetition = 0; repetition < repetitions; repetition++) {
    const options = { writers, warmUpMs: measureMs / 2, measureMs };
    const turns = [
      async (url: string) => adapters.push(await measureAdapter(url, `${repetition}`, options)),
      async (url: string) => clients.push(await measureClient(url, `${repetition}`, options)),
    ];
    if (repetition % 2 === 1) turns.reverse();
    for (const turn of turns) {
      const workFolder = mkdtempSync(join(tmpdir(), 'boxoffice-bench-'));
      const server = await newEventStore({ workFolder });
      await server.start();
      try {
        await turn(server.connectionString);
      } finally {
        await server.kill();
        rmSync(workFolder, { recursive: true, force: true });
      }
    }
  }
  const ratios = adapters.map(
    (adapter, at) => adapter.appendsPerSecond / (clients[at]?.appendsPerSecond ?? Number.NaN),
  );
  return { writers, adapter: medianResult(adapters), client: medianResult(clients), ratio: median(ratios) };
}

function printTable(rows: readonly Row[]): void {
  console.table(
    rows.map(({ writers, adapter, client, ratio }) => ({
      writers,
      'adapter appends/s': Math.round(adapter.appendsPerSecond),
      'client appends/s': Math.round(client.appendsPerSecond),
      ratio: Number(ratio.toFixed(2)),
      'adapter median ms': Number(adapter.medianMs.toFixed(2)),
      'adapter p99 ms': Number(adapter.p99Ms.toFixed(2)),
      'client median ms': Number(client.medianMs.toFixed(2)),
      'client p99 ms': Number(client.p99Ms.toFixed(2)),
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
