import { copyFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Random } from '../../../../src/platform/random.js';
import { Database } from '../../../../src/platform/sqlite.js';
import { logFolder } from '../../../event-store/opened-store.js';
import { bySize } from '../../../services/test-size.js';
import { check, seal, withLog, writeLog } from './sealed-log.js';
import { tamper } from './tamper.js';

/** `TAMPERINGS=1000 npx jest test/analysis/audit/seal/tampering` tries more. */
const tries = Number(process.env.TAMPERINGS ?? bySize(20, 60));

const { file, remove } = logFolder();
afterAll(remove);

it(
  `detects each of ${tries} random edits, deletions, swaps, moves and insertions, and names the event where it can`,
  async () => {
    await writeLog(file, 300);
    const seals = await withLog(file, seal);
    const untouched = await withLog(file, (log) => check(seals, log));
    expect(untouched).toMatchObject({ clean: true, seals: 6, events: 300, unsealedEvents: 0 });

    const undetected: string[] = [];
    const misnamed: string[] = [];
    const done = new Map<string, number>();
    for (let number = 0; number < tries; number++) {
      const copy = join(dirname(file), `copy-${number % 4}.db`);
      copyFileSync(file, copy);
      const database = new Database(copy);
      const { what, position } = tamper(database, new Random(number));
      database.close();
      done.set(what, (done.get(what) ?? 0) + 1);
      const { clean, findings } = await withLog(copy, (log) => check(seals, log));
      if (clean) undetected.push(`${number}: ${what}`);
      const [finding] = findings;
      const named =
        finding?.kind === 'log' && finding.first.kind !== 'missing' ? finding.first.event : undefined;
      if (position !== undefined && named?.position !== position)
        misnamed.push(`${number}: ${what} at ${position}`);
    }
    if (process.env.TAMPERINGS !== undefined) console.log(Object.fromEntries(done), { undetected, misnamed });
    expect({ undetected, misnamed }).toEqual({ undetected: [], misnamed: [] });
  },
  tries * 20_000,
);
