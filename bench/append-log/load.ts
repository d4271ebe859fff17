import { randomUUID } from 'node:crypto';
import type { ExpectedRevision, NewEvent } from '../../src/event-store/port.js';

/** Appends one event and resolves when it is durable. */
export type Append = (
  stream: string,
  expected: ExpectedRevision,
  events: readonly NewEvent[],
) => Promise<unknown>;

export interface LoadOptions {
  /** Appends kept waiting at any moment. */
  readonly writers: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

export interface LoadResult {
  readonly appendsPerSecond: number;
  /** Milliseconds from call to acknowledgement. */
  readonly medianMs: number;
  readonly p99Ms: number;
}

/** Like a held seat: about 300 bytes of data and metadata. */
function seatHeld(n: number): NewEvent {
  const at = 1_793_500_000_000 + n;
  return {
    id: randomUUID(),
    type: 'SeatHeld',
    data: {
      holdId: `5f0c1a52-8a43-4a6e-9a57-${String(n).padStart(12, '0')}`,
      userId: `0d4ff1b0-5a3f-4a58-a6a5-${String((n * 7919) % 1e12).padStart(12, '0')}`,
      price: 132_000,
      expiresAt: new Date(at + 300_000).toISOString(),
    },
    metadata: {
      commandId: `a7d6e5ce-6b1c-4c9e-8a2d-${String(n).padStart(12, '0')}`,
      correlationId: `req-${n}`,
      actor: { kind: 'user' },
      occurredAt: new Date(at).toISOString(),
      schemaVersion: 1,
    },
  };
}

const eventsPerStream = 5;

/**
 * Keeps `writers` appends going, each writer one event after another onto streams of five events of its own.
 * @param run Sets the streams of different runs apart.
 */
export async function measureLoad(append: Append, run: string, options: LoadOptions): Promise<LoadResult> {
  const start = performance.now();
  const measureFrom = start + options.warmUpMs;
  const measureTo = measureFrom + options.measureMs;
  const latencies: number[] = [];
  let events = 0;
  let streams = 0;

  const write = async (): Promise<void> => {
    for (;;) {
      const stream = `seat-${run}.${streams++}`;
      for (let revision = 0; revision < eventsPerStream; revision++) {
        const sent = performance.now();
        if (sent >= measureTo) return;
        await append(stream, revision === 0 ? 'none' : revision - 1, [seatHeld(events++)]);
        const acknowledged = performance.now();
        if (acknowledged >= measureFrom && acknowledged < measureTo) latencies.push(acknowledged - sent);
      }
    }
  };
  await Promise.all(Array.from({ length: options.writers }, write));
  latencies.sort((a, b) => a - b);
  return {
    appendsPerSecond: (latencies.length / options.measureMs) * 1000,
    medianMs: latencies[Math.floor(latencies.length / 2)] ?? Number.NaN,
    p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? Number.NaN,
  };
}

/** Bytes of one event's data and metadata. */
export function eventBytes(): number {
  const { data, metadata } = seatHeld(123_456);
  return Buffer.byteLength(JSON.stringify(data)) + Buffer.byteLength(JSON.stringify(metadata));
}
