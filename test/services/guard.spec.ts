import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { waitUntil } from './wait-until.js';

/** A process that starts the guard as the tests do, tells the server's process id, and waits to be killed. */
const owner = `
  const { spawn } = require('node:child_process');
  const [guard, folder] = process.argv.slice(1);
  const options = { stdio: ['pipe', 'inherit', 'ignore'], detached: true };
  spawn('/bin/sh', [guard, folder, 'sleep', '600'], options);`;

it('ends the server and removes its folder when the process that started it is killed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'guard-'));
  const killed = spawn(process.execPath, ['-e', owner, join(__dirname, 'guard.sh'), folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [pid] = await once(createInterface({ input: killed.stdout }), 'line');
  expect(isAlive(Number(pid))).toBe(true);
  killed.kill('SIGKILL');
  await waitUntil('the server ends', () => !isAlive(Number(pid)));
  await waitUntil('its folder is removed', () => !existsSync(folder));
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
