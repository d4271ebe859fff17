import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import threads from 'node:worker_threads';
import { runServer } from '../../src/cli/start.js';
import { freePort } from '../services/free-port.js';
import { eventually } from '../services/wait-until.js';
import { CapturedTerminal, freshEnv, removeFolders } from './captured-terminal.js';

afterAll(removeFolders);

/** Waits until the terminal shows a text. */
const shows = (terminal: CapturedTerminal, text: string) => eventually(() => terminal.stderr.includes(text));

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

  it.each([
    ['event-store/sqlite/writer-thread', "the event store's writer thread is gone"],
    ['projections/sqlite/writer-thread', 'the thread that writes the read models is gone'],
    ['app/projection-thread', 'the thread that projects the log is gone'],
  ])(
    'ends with an error when the thread %s dies, so that its supervisor starts it again',
    async (part, reason) => {
      const workers: { readonly program: string; readonly worker: threads.Worker }[] = [];
      const { Worker } = threads;
      const starting = jest.spyOn(threads, 'Worker').mockImplementation((program, options) => {
        const worker = new Worker(program, options);
        workers.push({ program: String(program), worker });
        return worker;
      });
      try {
        const env = { ...(await freshEnv()), PORT: '0', LOG_LEVEL: 'silent', SAMPLE_CATALOG: 'false' };
        const terminal = new CapturedTerminal();
        const running = runServer(env, terminal);
        await shows(terminal, 'curl');
        const thread = workers.find(({ program }) => program.includes(part));
        await thread?.worker.terminate();
        expect(await running).toBe(1);
        expect(terminal.stderr).toContain(
          `boxoffice stops, because it has lost a part that it cannot work without: ${reason}`,
        );
      } finally {
        starting.mockRestore();
      }
    },
  );

  it('says so in one line when it cannot start', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const address = taken.address();
    const port = typeof address === 'object' && address ? String(address.port) : '';
    const env = { ...(await freshEnv()), PORT: port, LOG_LEVEL: 'silent', SAMPLE_CATALOG: 'false' };
    const terminal = new CapturedTerminal();
    expect(await runServer(env, terminal)).toBe(1);
    expect(terminal.stderr).toMatch(
      /^boxoffice cannot start: .*EADDRINUSE.*; stop the process that listens there, or set PORT to another port\n$/,
    );
    await new Promise((resolve) => taken.close(resolve));
  });

  it.each([
    [
      'mysql://u:pass-word@127.0.0.1:1/db',
      1,
      'boxoffice cannot start: DATABASE_URL: the database cannot be used: ',
    ],
    [
      'mysql://u:pass-word@127.0.0.1:1',
      2,
      'DATABASE_URL: the database URL must name one database after the host',
    ],
    ['mysql://u:pass-word%zz@127.0.0.1:1/db', 2, 'DATABASE_URL: the database URL must have user, password'],
  ])('names DATABASE_URL when %s cannot be used, and prints no password', async (url, code, sentence) => {
    const terminal = new CapturedTerminal();
    const env = { ...(await freshEnv()), LOG_LEVEL: 'silent', DATABASE_URL: url };
    expect(await runServer(env, terminal)).toBe(code);
    expect(terminal.stderr).toContain(sentence);
    expect(terminal.stderr).not.toContain('pass-word');
    expect(terminal.stderr.trimEnd()).not.toContain('\n');
  });

  it.each([
    ['read-models.db', 'it is made anew from the log'],
    ['payments.db', 'restore them from a backup'],
  ])('says what to do about a damaged %s', async (name, remedy) => {
    const env = { ...(await freshEnv()), LOG_LEVEL: 'silent', SAMPLE_CATALOG: 'false' };
    mkdirSync(env.DATA_DIR, { recursive: true });
    writeFileSync(join(env.DATA_DIR, name), 'plain text, and quite a lot of it');
    const terminal = new CapturedTerminal();
    expect(await runServer(env, terminal)).toBe(1);
    expect(terminal.stderr).toContain(join(env.DATA_DIR, name));
    expect(terminal.stderr).toContain(remedy);
  });

  it('names DATA_DIR when it is a file', async () => {
    const env = { ...(await freshEnv()), LOG_LEVEL: 'silent' };
    writeFileSync(env.DATA_DIR, 'no folder');
    for (const dataDir of [env.DATA_DIR, join(env.DATA_DIR, 'inside')]) {
      const terminal = new CapturedTerminal();
      expect(await runServer({ ...env, DATA_DIR: dataDir }, terminal)).toBe(2);
      expect(terminal.stderr).toBe(`DATA_DIR: ${dataDir} is not a folder\n`);
    }
  });

  it('says where it looks for a Redis that does not answer, and serves without it', async () => {
    const env = { ...(await freshEnv()), PORT: '0', LOG_LEVEL: 'silent', SAMPLE_CATALOG: 'false' };
    const port = await freePort();
    const terminal = new CapturedTerminal();
    const running = runServer({ ...env, REDIS_URL: `redis://:pass-word@127.0.0.1:${port}` }, terminal);
    await shows(terminal, 'curl');
    expect(terminal.stderr).toContain(`127.0.0.1:${port} does not answer`);
    expect(terminal.stderr).not.toContain('pass-word');
    const url = /open at (\S+)/.exec(terminal.stderr)?.[1] ?? '';
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
    process.emit('SIGTERM');
    expect(await running).toBe(0);
  });

  it('refuses a wrong configuration with exit code 2', async () => {
    const terminal = new CapturedTerminal();
    expect(await runServer({ LOG_LEVEL: 'loud' }, terminal)).toBe(2);
    expect(terminal.stderr).toContain('LOG_LEVEL');
  });
});
