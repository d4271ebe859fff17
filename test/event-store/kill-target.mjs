// Appends bursts to the log named on the command line until it is killed, printing each acknowledged append.
import { randomUUID } from 'node:crypto';
import { openSqliteEventStore } from '../../dist/event-store/sqlite/sqlite-event-store.js';

const [file, round] = process.argv.slice(2);
const store = await openSqliteEventStore({ file });

async function write(writer) {
  for (let burst = 0; ; burst++) {
    // Every third burst starts a stream; the others go on with it.
    const stream = `kill-${round}.${writer}.${Math.floor(burst / 3)}`;
    const count = 1 + ((writer + burst) % 5);
    const events = Array.from({ length: count }, (_, index) => ({
      id: randomUUID(),
      type: 'Burst',
      data: { writer, burst, index, count, padding: 'x'.repeat(200) },
      metadata: {},
    }));
    const { revision } = await store.append(stream, 'any', events);
    // Pipes are written synchronously: an acknowledgement does not wait in a buffer that dies with the process.
    process.stdout.write(`${JSON.stringify({ stream, revision, ids: events.map((event) => event.id) })}\n`);
  }
}

await Promise.all(Array.from({ length: 32 }, (_, writer) => write(writer)));
