/** `log-writer.js <file> <journeys>` makes the log that write-log.ts asks for. */
import { openSqliteEventStore } from '../../src/event-store/sqlite/open.js';
import { appendJourney, publishConcert } from './journeys.js';

/** Appends under way at a time. */
const journeysAtOnce = 64;
const dates = 50;

async function write(file: string, journeys: number): Promise<void> {
  const store = await openSqliteEventStore({ file });
  const concert = await publishConcert(store, dates);
  let next = 0;
  const writer = async (): Promise<void> => {
    while (next < journeys) await appendJourney(store, concert, next++);
  };
  await Promise.all(Array.from({ length: journeysAtOnce }, writer));
  await store.close();
}

const [file, journeys] = process.argv.slice(2);
if (file === undefined || journeys === undefined) throw new Error('usage: log-writer.js <file> <journeys>');
await write(file, Number(journeys));
