// Registers and erases people in the folder named on the command line until it is killed, printing what it was told.
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { openSqliteEventStore } from '../../dist/event-store/sqlite/sqlite-event-store.js';
import { openPersonalKeys } from '../../dist/personal-data/personal-keys.js';
import { sealingStore } from '../../dist/personal-data/store-views.js';

const [folder, secret] = process.argv.slice(2);
const log = await openSqliteEventStore({ file: join(folder, 'events.db') });
const place = join(folder, 'keys.db');
const keys = await openPersonalKeys({
  place,
  secret: { current: secret },
  store: log,
  isLossAccepted: false,
});
const store = sealingStore(log, keys);
// Pipes are written synchronously: what was told does not wait in a buffer that dies with the process.
const tell = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

async function register() {
  for (let count = 1; ; count++) {
    const userId = randomUUID();
    const data = { userId, loginId: userId.slice(0, 20), username: 'Fan', name: 'Fan', passwordHash: 'none' };
    const event = { id: randomUUID(), type: 'UserRegistered', data, metadata: { schemaVersion: 1 } };
    await store.append(`user-${userId}`, 'none', [event]);
    tell({ registered: userId });
    if (count % 4 > 0) continue;
    await keys.destroy(userId);
    tell({ erased: userId });
  }
}

await Promise.all(Array.from({ length: 32 }, register));
