import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { containerName, dockerCommand, hasDockerEngine } from './docker.js';
import { provideProgram } from './find-program.js';
import { freePort } from './free-port.js';
import { GuardedServer, type ServerCommand } from './guarded-server.js';
import { waitUntil } from './wait-until.js';

const program = { names: ['redis-server', 'valkey-server'], debianPackage: 'redis-server' };
const image = 'redis:7';
const startAttempts = 3;

/** A private Redis server of the test that started it. */
export interface TestRedis {
  /** `redis://127.0.0.1:port`; stays the same over restarts. */
  readonly url: string;
  flushAll(): Promise<void>;
  /** Crashes the server. */
  kill(): Promise<void>;
  /** Starts it again after a kill, or ends and starts it. Only a persistent one still has its data. */
  restart(): Promise<void>;
  /** Freezes the server: connections stay open, nothing answers. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Ends it and removes its folder. Nothing is left when the test process ends without it, either. */
  stop(): Promise<void>;
}

/**
 * Starts an empty Redis on a free port of 127.0.0.1, with `noeviction`.
 * @param persistent whether every write is on disk before its reply (AOF); default: nothing is.
 * @throws naming what to install when there is no Redis and none can be installed.
 */
export async function startRedis({ persistent = false } = {}): Promise<TestRedis> {
  const path = await provideProgram(program);
  if (path === undefined && !(await hasDockerEngine())) {
    throw new Error('these tests need redis-server in PATH, or Docker: install Redis 6.2 or newer');
  }
  const folder = mkdtempSync(join(tmpdir(), 'boxoffice-redis-'));
  chmodSync(folder, 0o700);
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const command = commandOf(path, folder, port, persistent);
    try {
      return new PrivateRedis(folder, port, command, await launch(folder, port, command));
    } catch (error) {
      // Another process may have taken the port in between.
      if (attempt < startAttempts) continue;
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }
}

function commandOf(
  path: string | undefined,
  folder: string,
  port: number,
  persistent: boolean,
): ServerCommand {
  if (path !== undefined) return { command: [path, ...settings(folder, port, '127.0.0.1', persistent)] };
  const container = containerName();
  const args = ['redis-server', ...settings(folder, 6379, '0.0.0.0', persistent), '--protected-mode', 'no'];
  const shape = {
    name: container,
    image,
    port: [port, 6379],
    mounts: { [folder]: folder },
    env: {},
  } as const;
  return { container, command: dockerCommand(shape, args) };
}

function settings(folder: string, port: number, bind: string, persistent: boolean): string[] {
  const flags = {
    port: String(port),
    bind,
    dir: folder,
    'maxmemory-policy': 'noeviction',
    save: '',
    appendonly: persistent ? 'yes' : 'no',
    appendfsync: 'always',
    daemonize: 'no',
  };
  return Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
}

async function launch(folder: string, port: number, command: ServerCommand): Promise<GuardedServer> {
  const server = await GuardedServer.spawn(folder, command);
  try {
    await waitUntil('Redis answers', async () => {
      if (!server.isRunning) throw new Error(`Redis ended: ${server.output()}`);
      // Answers on the port may come from somebody else's Redis: ours knows its folder.
      return (await ask(port, (redis) => redis.config('GET', 'dir'))).includes(folder);
    });
    return server;
  } catch (error) {
    await server.kill();
    throw error;
  }
}

/** Asks on a connection of its own, without retries. */
async function ask<Reply>(port: number, question: (redis: Redis) => Promise<Reply>): Promise<Reply> {
  const redis = new Redis({
    host: '127.0.0.1',
    port,
    lazyConnect: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
  });
  // Failures reach the question's promise as well.
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return await question(redis);
  } finally {
    // One that never connected has ended already; disconnecting it would leave a timer behind.
    if (redis.status !== 'end') redis.disconnect();
  }
}

class PrivateRedis implements TestRedis {
  constructor(
    private readonly folder: string,
    private readonly port: number,
    private readonly command: ServerCommand,
    private server: GuardedServer,
  ) {}

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async flushAll(): Promise<void> {
    await ask(this.port, (redis) => redis.flushall());
  }

  kill(): Promise<void> {
    return this.server.kill();
  }

  async restart(): Promise<void> {
    await this.server.stop();
    this.server = await launch(this.folder, this.port, this.command);
  }

  pause(): Promise<void> {
    return this.server.pause();
  }

  resume(): Promise<void> {
    return this.server.resume();
  }

  async stop(): Promise<void> {
    await this.server.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
