import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { ChildServer } from '../eventstoredb-server/child-server.js';
import { trusting, wireTls } from '../eventstoredb-server/tls.js';
import { startDatabaseServer, type TestDatabaseServer } from '../services/database-server.js';
import { freePort } from '../services/free-port.js';
import { GuardedServer } from '../services/guarded-server.js';
import { startRedis, type TestRedis } from '../services/redis.js';
import { waitUntil } from '../services/wait-until.js';
import { openTimeoutMs } from './modes.js';

const program = fileURLToPath(new URL('../../bin/boxoffice.mjs', import.meta.url));
const momentTimeoutMs = 90_000;
const password = 'no-output-holds-this';
const folder = mkdtempSync(join(tmpdir(), 'boxoffice-passwords-'));
let runs = 0;

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** `boxoffice start` as an operator would see it, with all it can print. */
class Start {
  private constructor(private readonly server: GuardedServer) {}

  static async run(env: Record<string, string>): Promise<Start> {
    const own = mkdtempSync(join(folder, `run-${++runs}-`));
    const settings = Object.entries({
      PATH: process.env.PATH ?? '',
      DATA_DIR: join(own, 'data'),
      PORT: '0',
      LOG_LEVEL: 'trace',
      SAMPLE_CATALOG: 'false',
      ...env,
    }).map(([name, value]) => `${name}=${value}`);
    const command = ['/usr/bin/env', '-i', ...settings, process.execPath, program, 'start'];
    return new Start(await GuardedServer.spawn(own, { command }));
  }

  output(): string {
    return this.server.output();
  }

  async opensOrEnds(): Promise<void> {
    const isSo = () => this.output().includes('boxoffice is open') || !this.server.isRunning;
    await waitUntil('it opens or ends', isSo);
  }

  /** @param times in all, since the start. */
  async prints(text: string, times = 1): Promise<void> {
    const isSo = () => this.server.output().split(text).length > times;
    await waitUntil(`it prints ${text}`, () => isSo() || !this.server.isRunning);
    if (!isSo()) throw new Error(`it ended without ${text}: ${this.server.output()}`);
  }

  /** Everything the process printed until it ended. */
  async ended(): Promise<{ readonly status: number | null; readonly output: string }> {
    await waitUntil('it ends', () => !this.server.isRunning);
    return { status: this.server.exitStatus, output: this.server.output() };
  }

  async stopped(): Promise<{ readonly status: number | null; readonly output: string }> {
    await this.server.stop(momentTimeoutMs);
    return this.ended();
  }

  kill(): Promise<void> {
    return this.server.kill();
  }
}

/** Neither in plain text nor encoded. */
function expectNoPassword(output: string, user: string): void {
  const basic = Buffer.from(`${user}:${password}`).toString('base64');
  for (const secret of [password, encodeURIComponent(password), basic]) expect(output).not.toContain(secret);
  // Without any output the check would prove nothing.
  expect(output.trim()).not.toBe('');
}

async function started<T>(env: Record<string, string>, use: (start: Start) => Promise<T>): Promise<T> {
  const start = await Start.run(env);
  try {
    return await use(start);
  } finally {
    await start.kill();
  }
}

describe('no output holds the password of EVENTSTORE_URL', () => {
  const adminPassword = password;
  let server: ChildServer;
  let plain: ChildServer;
  beforeAll(async () => {
    server = await new ChildServer({ tls: wireTls, adminPassword, file: join(folder, 'secured') }).start();
    plain = await new ChildServer().start();
  });
  afterAll(async () => {
    await server?.kill();
    await plain?.kill();
  });
  const url = (rest: string) => `esdb://admin:${password}@${rest}`;
  const ca = trusting(wireTls);

  it.each([
    ['an unsupported parameter', () => url('localhost:1?tlsVerifyCert=false'), 'tlsVerifyCert'],
    ['an unknown parameter', () => url('localhost:1?colour=red'), 'colour'],
    ['a host that is none', () => url('local host:1'), 'a host must be'],
    [
      'a password with a character that must be encoded',
      () => `esdb://admin:x@${password}@localhost:1`,
      'before the @',
    ],
    ['a file that is not there', () => url('localhost:1?tlsCAFile=/not-there.pem'), '/not-there.pem'],
    ['a host name that does not resolve', () => url('nothing-here.invalid'), 'does not resolve'],
    ['a certificate that is not trusted', () => url(`localhost:${server.port}`), 'is not trusted'],
    ['plain text to TLS', () => url(`localhost:${server.port}?tls=false`), 'remove tls=false'],
    ['TLS to plain text', () => url(`localhost:${plain.port}`), 'add tls=false'],
    [
      'an unknown user',
      () => `esdb://who:${password}@localhost:${server.port}?${ca}`,
      'does not accept the user who',
    ],
  ])('refused at once for %s', async (_, urlOf, message) => {
    const { status, output } = await started({ EVENTSTORE_URL: urlOf() }, (start) => start.ended());
    expect(status).toBe(2);
    expect(output).toContain('EVENTSTORE_URL: ');
    expect(output).toContain(message);
    expectNoPassword(output, 'admin');
  });

  it('while no server is there', async () => {
    const away = url(`localhost:${await freePort()}?${ca}`);
    const { status, output } = await started({ EVENTSTORE_URL: away }, (start) => start.ended());
    expect(status).toBe(1);
    expect(output).toContain('cannot reach EventStoreDB');
    expectNoPassword(output, 'admin');
  });

  it('while it works, loses the server and reconnects', async () => {
    const good = url(`localhost:${server.port}?${ca}`);
    const { status, output } = await started({ EVENTSTORE_URL: good }, async (start) => {
      await start.prints('boxoffice is open');
      await server.kill();
      // By each of the two clients, that of requests and that of projections.
      await start.prints('lost EventStoreDB', 2);
      await server.start();
      await start.prints('EventStoreDB is back after', 2);
      return start.stopped();
    });
    expect(status).toBe(0);
    expectNoPassword(output, 'admin');
    // Two lines for each client, not for each subscription.
    const told = output.split('\n').filter((line) => line.includes('"engine":"EventStoreDB"'));
    const byProjections = told.filter((line) => line.includes('"thread":"projections"'));
    expect([told.length, byProjections.length]).toEqual([4, 2]);
  });
});

describe('no output holds the password of DATABASE_URL', () => {
  let server: TestDatabaseServer;
  let good: string;
  beforeAll(async () => {
    server = await startDatabaseServer();
    const database = new URL(await server.newDatabase());
    const connection = await (await import('mysql2/promise')).createConnection(database.href);
    await connection.query(`CREATE USER 'guest'@'%' IDENTIFIED BY '${password}'`);
    await connection.query(`GRANT ALL ON ${database.pathname.slice(1)}.* TO 'guest'@'%'`);
    await connection.end();
    database.username = 'guest';
    database.password = password;
    good = database.href;
  }, openTimeoutMs);
  afterAll(() => server?.stop());

  it.each([
    ['another scheme', async () => `postgres://guest:${password}@localhost/x`],
    ['no port', async () => `mysql://guest:${password}@localhost:port/x`],
    ['a character that must be encoded', async () => `mysql://guest:a%${password}@localhost/x`],
    ['no server', async () => `mysql://guest:${password}@127.0.0.1:${await freePort()}/x`],
    [
      'a server that closes every connection',
      async () => `mysql://guest:${password}@127.0.0.1:${await closingPort()}/x`,
    ],
    ['a wrong password', async () => good.replace('guest:', 'boxoffice:')],
    ['a parameter that is unknown', async () => `${good}?key=${password}`],
    ['no such database', async () => good.replace(/\/[^/]*$/, '/nothing')],
  ])('refused for %s', async (_, urlOf) => {
    const env = { DATABASE_URL: await urlOf() };
    const { status, output } = await started(env, (start) => start.ended());
    expect([1, 2]).toContain(status);
    expectNoPassword(output, 'guest');
  });

  it('while it works, and while the server is away', async () => {
    const { output } = await started({ DATABASE_URL: good }, async (start) => {
      await start.prints('boxoffice is open');
      await server.kill();
      const url = /open at (\S+)/.exec(start.output())?.[1] ?? '';
      await waitUntil('it says that it is not ready', async () => {
        return (await fetch(`${url}/health/ready`)).status === 503;
      });
      await server.restart();
      await waitUntil('it is ready', async () => (await fetch(`${url}/health/ready`)).ok);
      return start.stopped();
    });
    expectNoPassword(output, 'guest');
  });
});

describe('no output holds the password of REDIS_URL', () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startRedis();
    const client = new Redis(redis.url);
    await client.config('SET', 'requirepass', password);
    await client.quit();
  });
  afterAll(() => redis?.stop());
  const withPassword = (word = password) => redis.url.replace('://', `://default:${word}@`);

  it.each([
    ['another scheme', async () => `http://default:${password}@localhost`, 'REDIS_URL'],
    ['no port', async () => `redis://default:${password}@localhost:port`, ''],
    ['no server', async () => `redis://default:${password}@127.0.0.1:${await freePort()}`, 'does not answer'],
    ['a wrong password', async () => withPassword(`not-${password}`), 'does not answer'],
    ['a wrong user', async () => withPassword().replace('default:', 'nobody:'), 'does not answer'],
    ['a database that is not there', async () => `${withPassword()}/9999`, ''],
  ])('with %s', async (_, urlOf, message) => {
    const output = await started({ REDIS_URL: await urlOf() }, async (start) => {
      await start.opensOrEnds();
      if (message !== '') await start.prints(message);
      return (await start.stopped()).output;
    });
    expectNoPassword(output, 'default');
  });

  it('while it works, and when the server has no password any more', async () => {
    const { output } = await started({ REDIS_URL: withPassword() }, async (start) => {
      await start.prints('boxoffice is open');
      await redis.kill();
      await start.prints('Redis does not answer');
      // Its password was not kept.
      await redis.restart();
      await start.prints('Redis answers again');
      return start.stopped();
    });
    expectNoPassword(output, 'default');
  });
});

/** A port that closes every connection. */
async function closingPort(): Promise<number> {
  const port = await freePort();
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  server.unref();
  return port;
}
