import { createServer } from 'node:http';
import { runServer } from '../../src/cli/start.js';
import { CapturedTerminal, freshEnv, removeFolders } from './captured-terminal.js';

afterAll(removeFolders);

/** Waits until the terminal shows a text. */
async function shows(terminal: CapturedTerminal, text: string): Promise<void> {
  while (!terminal.stderr.includes(text)) await new Promise((resolve) => setImmediate(resolve));
}

describe('the server’s process', () => {
  it('tells where it is, serves, and stops in order at SIGTERM', async () => {
    const env = { ...(await freshEnv()), PORT: '0', LOG_LEVEL: 'silent', SAMPLE_CATALOG: 'false' };
    const terminal = new CapturedTerminal();
    const listenersBefore = process.listenerCount('SIGTERM');
    const running = runServer(env, terminal);
    await shows(terminal, 'curl');
    const url = /open at (\S+)/.exec(terminal.stderr)?.[1] ?? '';
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
    expect(terminal.stderr).toContain(`${env.DATA_DIR}/admin-key`);
    process.emit('SIGTERM');
    expect(await running).toBe(0);
    await expect(fetch(`${url}/health/live`)).rejects.toThrow();
    expect(process.listenerCount('SIGTERM')).toBe(listenersBefore);
  });

  it('says so in one line when it cannot start', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const address = taken.address();
    const port = typeof address === 'object' && address ? String(address.port) : '';
    const env = { ...(await freshEnv()), PORT: port, LOG_LEVEL: 'silent', SAMPLE_CATALOG: 'false' };
    const terminal = new CapturedTerminal();
    expect(await runServer(env, terminal)).toBe(1);
    expect(terminal.stderr).toMatch(/^boxoffice cannot start: .*EADDRINUSE.*\n$/);
    await new Promise((resolve) => taken.close(resolve));
  });

  it('refuses a wrong configuration with exit code 2', async () => {
    const terminal = new CapturedTerminal();
    expect(await runServer({ LOG_LEVEL: 'loud' }, terminal)).toBe(2);
    expect(terminal.stderr).toContain('LOG_LEVEL');
  });
});
