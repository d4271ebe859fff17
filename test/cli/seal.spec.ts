import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Database } from '../../src/platform/sqlite.js';
import { writeLog } from '../analysis/audit/seal/sealed-log.js';
import { cli, freshEnv, removeFolders } from './captured-terminal.js';

afterAll(removeFolders);

async function logOf(events: number) {
  const env = await freshEnv();
  mkdirSync(env.DATA_DIR, { recursive: true });
  const file = join(env.DATA_DIR, 'events.db');
  await writeLog(file, events);
  const inDataDir = (name: string) => join(env.DATA_DIR, name);
  return { env, file, inDataDir };
}

describe('audit seal and check-seal', () => {
  it('make a key for themselves alone, seal the log, continue later and find nothing changed', async () => {
    const { env, file, inDataDir } = await logOf(30);
    const first = await cli(['audit', 'seal', '--range', '20'], env);
    expect([first.code, first.stderr]).toEqual([0, '']);
    expect(first.stdout).toContain('30 events sealed with 2 seals');
    expect(statSync(inDataDir('seal-key.pem')).mode & 0o777).toBe(0o600);

    await writeLog(file, 5, 30);
    const second = await cli(['audit', 'seal', '--json'], env);
    expect(JSON.parse(second.stdout)).toMatchObject({
      newSeals: 1,
      newEvents: 5,
      lastSeal: { number: 2, upTo: 35 },
    });
    expect((await cli(['audit', 'seal'], env)).stdout).toContain('Nothing is new');

    const checked = await cli(['audit', 'check-seal'], env);
    expect([checked.code, checked.stderr]).toEqual([0, '']);
    expect(checked.stdout).toContain('3 seals are signed and in order, 35 events compared');
    expect(checked.stdout).toContain('Nothing was changed.');
  });

  it('count one event and one seal as one', async () => {
    const { env, file } = await logOf(1);
    expect((await cli(['audit', 'seal'], env)).stdout).toContain('1 event sealed with 1 seal in ');
    await writeLog(file, 1, 1);
    expect((await cli(['audit', 'check-seal'], env)).stdout).toContain(
      '1 seal is signed and in order, 1 event compared, 1 event after the last seal.',
    );
  });

  it('check a log with a seal file and a public key kept elsewhere', async () => {
    const here = await logOf(10);
    const elsewhere = await logOf(0);
    await cli(['audit', 'seal'], here.env);
    const pem = await cli(['audit', 'public-key'], here.env);
    const [seals, publicKey] = [
      join(elsewhere.env.DATA_DIR, 'kept.jsonl'),
      join(elsewhere.env.DATA_DIR, 'key.pem'),
    ];
    copyFileSync(here.inDataDir('seals.jsonl'), seals);
    copyFileSync(here.file, elsewhere.file);
    writeFileSync(publicKey, pem.stdout);
    const args = ['audit', 'check-seal', '--seals', seals, '--public-key', publicKey];
    expect(await cli(args, elsewhere.env)).toMatchObject({ code: 0, stderr: '' });
    expect(existsSync(elsewhere.inDataDir('seal-key.pem'))).toBe(false);
  });

  it('exit with 1 and name the event when the log was changed, and seal no further', async () => {
    const { env, file } = await logOf(30);
    await cli(['audit', 'seal'], env);
    const database = new Database(file);
    database.exec(`UPDATE events SET data = '{"n":6,"points":61}' WHERE position = 7`);
    database.close();
    const text = await cli(['audit', 'check-seal'], env);
    expect(text.code).toBe(1);
    expect(text.stdout).toContain('Noted at position 7 (seat-1 @0) differs from what was sealed there');
    const json = await cli(['audit', 'check-seal', '--json'], env);
    expect(JSON.parse(json.stdout)).toMatchObject({
      clean: false,
      findings: [{ kind: 'log', first: { kind: 'changed' } }],
    });
    expect(await cli(['audit', 'seal'], env)).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('the log has changed since seal 0'),
    });
  });

  it('take away a line that was cut off while it was written, and touch no other file', async () => {
    const { env, file, inDataDir } = await logOf(10);
    await cli(['audit', 'seal'], env);
    const seals = inDataDir('seals.jsonl');
    const whole = readFileSync(seals, 'utf8');
    appendFileSync(seals, whole.slice(0, 100));
    expect((await cli(['audit', 'check-seal'], env)).stdout).toContain(
      'line 2 of the seal file is not a seal',
    );
    await writeLog(file, 5, 10);
    expect((await cli(['audit', 'seal'], env)).code).toBe(0);
    expect(readFileSync(seals, 'utf8').startsWith(whole)).toBe(true);
    expect((await cli(['audit', 'check-seal'], env)).code).toBe(0);

    for (const text of ['no seals', 'no seals\nat all']) {
      const notes = inDataDir('notes.txt');
      writeFileSync(notes, text);
      const { code, stderr } = await cli(['audit', 'seal', '--out', notes], env);
      expect([code, stderr, readFileSync(notes, 'utf8')]).toEqual([
        2,
        expect.stringContaining('does not end with a seal'),
        text,
      ]);
    }
  });

  it('refuse a file of seals that another key signed', async () => {
    const [mine, theirs] = [await logOf(10), await logOf(10)];
    await cli(['audit', 'seal'], mine.env);
    await cli(['audit', 'public-key'], theirs.env);
    const args = ['audit', 'seal', '--out', mine.inDataDir('seals.jsonl')];
    const { code, stderr } = await cli(args, {
      ...mine.env,
      SEAL_KEY_FILE: theirs.inDataDir('seal-key.pem'),
    });
    expect([code, stderr]).toEqual([2, expect.stringContaining('start another file with --out')]);
  });

  it.each([
    [['audit', 'check-seal'], 'there is no seal file'],
    [['audit', 'seal', '--range', '0'], '--range: 0 is not a whole number'],
  ])('say what is missing or wrong: %s', async (args, reason) => {
    const { env } = await logOf(1);
    expect(await cli(args, env)).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining(reason),
    });
  });
});
