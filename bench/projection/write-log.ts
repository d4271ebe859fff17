import { openSqliteEventStore } from '../../src/event-store/sqlite/sqlite-event-store.js';
import { appendJourney, publishConcert } from './journeys.js';

/** Appends under way at a time. */
const journeysAtOnce = 64;
const dates = 50;

/** Makes a log of a concert and of so many fans' bookings, in the embedded engine's file. */
export async function writeLog(file: string, journeys: number): Promise<void> {
  const store = await openSqliteEventStore({ file });
  const concert = await publishConcert(store, dates);
  let next = 0;
  const writer = async (): Promise<void> => {
    while (next < journeys) await appendJourney(store, concert, next++);
  };
  await Promise.all(Array.from({ length: journeysAtOnce }, writer));
  await store.close();
}
