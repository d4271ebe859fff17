import { join } from 'node:path';
import { dataFiles } from '../../src/engines.js';
import { openSqliteEventStore } from '../../src/event-store/sqlite/open.js';
import { ChildOffice } from './child-office.js';
import { eventually, Fan, times } from './fan.js';

describe('a server told to stop', () => {
  it('answers every request it has accepted, takes no new ones, and ends by itself', async () => {
    const office = new ChildOffice();
    try {
      await office.start();
      const fans = await times(20, 10, () => new Fan(office).arrive());
      // The payment system takes its time, so that all of these are under way when the signal comes.
      const answers = Promise.all(fans.map((fan) => fan.charge(100, 'slow', 'card-slow')));
      await eventually(async () => (await chargesBegun(office.dataDir)) === fans.length);
      const death = office.kill('SIGTERM');
      expect((await answers).map((answer) => answer.status)).toEqual(fans.map(() => 201));
      await death;
      expect(office.exitCode).toBe(0);
      await expect(fetch(`${office.url}/health/live`)).rejects.toThrow();
    } finally {
      await office.close();
    }
  }, 60_000);
});

async function chargesBegun(dataDir: string): Promise<number> {
  const store = await openSqliteEventStore({ file: join(dataDir, dataFiles.log), readOnly: true });
  try {
    return (await store.readCategory('charge')).filter(({ type }) => type === 'ChargeRequested').length;
  } finally {
    await store.close();
  }
}
