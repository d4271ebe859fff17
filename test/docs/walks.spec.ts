import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findProgram } from '../../scripts/stack/programs.mjs';
import { Office } from '../e2e/office.js';

const run = promisify(execFile);
const root = join(__dirname, '..', '..');

/** What a page tells its readers to type, at another address. */
function walkOf(page: string, url: string): string {
  const [, commands] = /```bash\n([\s\S]*?)```/.exec(readFileSync(join(root, page), 'utf8')) ?? [];
  if (commands === undefined) throw new Error(`${page} has no walk`);
  return commands.replaceAll('http://127.0.0.1:3000', url);
}

/** Runs the commands and reads each line of their output: a reply. */
async function replies(commands: string): Promise<Record<string, unknown>[]> {
  const missing = ['bash', 'curl'].filter((name) => findProgram([name]) === undefined);
  if (missing.length > 0)
    throw new Error(`the walks of the READMEs need ${missing.join(' and ')}: install it`);
  const options = { env: { PATH: process.env.PATH }, timeout: 280_000 };
  const { stdout, stderr } = await run('bash', ['--norc', '-euo', 'pipefail', '-c', commands], options);
  expect(stderr).toBe('');
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

describe('the walks of the READMEs, one after the other on a fresh office,', () => {
  let office: Office;
  beforeAll(async () => {
    office = await Office.open({ SAMPLE_CATALOG: 'true' });
  });
  afterAll(() => office?.close());

  it.each([
    { page: 'README.md', name: 'Kim Mina', history: /paid/ },
    { page: 'README.ko.md', name: '김지우', history: /결제/ },
  ])('$page: every command succeeds, and the fan has two seats', async ({ page, name, history }) => {
    const [registered, charged, turn, held, reservations, explained, wallet, ...more] = await replies(
      walkOf(page, office.url),
    );
    expect(registered).toMatchObject({ name });
    expect(charged).toMatchObject({ status: 'credited', balance: 200_000 });
    expect(turn).toMatchObject({ status: 'admitted' });
    expect(held?.seats).toHaveLength(2);
    expect(reservations?.items).toMatchObject([
      { reservationStatus: 'confirmed' },
      { reservationStatus: 'confirmed' },
    ]);
    expect(explained?.summary).toMatch(history);
    // As it was before the payment.
    expect(wallet).toMatchObject({ balance: 200_000 });
    expect(more).toEqual([]);
  });
});
