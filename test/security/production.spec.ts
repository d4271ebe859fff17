/** OWASP API8:2023 Security Misconfiguration; ASVS 5.0 V13.1 and V13.3 (secrets and defaults in production). */
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runServer } from '../../src/cli/start.js';
import { BadConfiguration, readConfig, secretSettings } from '../../src/platform/config.js';
import { assertFitForProduction, weaknessOf } from '../../src/platform/production.js';
import { CapturedTerminal, cli } from '../cli/captured-terminal.js';
import { interpolationsOf, read, readComposeFile, readEnvFile, root } from '../deploy/compose-file.js';
import { testEnvironment } from '../e2e/test-environment.js';

const random = () => randomBytes(32).toString('hex');

let folder: string;
let sound: Record<string, string>;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'boxoffice-production-'));
  sound = {
    NODE_ENV: 'production',
    DATA_DIR: join(folder, 'data'),
    SECRET: random(),
    ADMIN_KEY: random(),
    PAYMENT_URL: 'https://pay.example',
    PAYMENT_API_KEY: random(),
    PAYMENT_CALLBACK_SECRET: random(),
  };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function refusal(env: Record<string, string>, options = {}): string {
  try {
    assertFitForProduction(readConfig(env), options);
    return '';
  } catch (error) {
    if (error instanceof BadConfiguration) return error.message;
    throw error;
  }
}

describe('API8: in production a server', () => {
  it('starts with secrets, a payment system and a folder of its own', () => {
    mkdirSync(sound.DATA_DIR ?? '', { mode: 0o700 });
    expect(refusal(sound)).toBe('');
  });

  it('refuses virtual payments, unless they are allowed by name', () => {
    const { PAYMENT_URL, PAYMENT_API_KEY, PAYMENT_CALLBACK_SECRET, ...env } = sound;
    expect(refusal(env)).toContain('PAYMENT_URL: is not set');
    expect(refusal(env)).toContain('ALLOW_IN_PRODUCTION=virtual-payments');
    expect(refusal({ ...env, ALLOW_IN_PRODUCTION: 'weak-secrets' })).toContain('PAYMENT_URL: is not set');
    expect(refusal({ ...env, ALLOW_IN_PRODUCTION: 'virtual-payments' })).toBe('');
    expect(refusal({ ...env, NODE_ENV: 'development' })).toBe('');
    expect(refusal(sound, { isPaymentSystem: true })).toContain('payment-system:');
  });

  it.each(secretSettings)('refuses a guessable %s, and does not repeat it', (name) => {
    const weak = 'abcdefghijklmnopqrstuvwxyz0123456789';
    const message = refusal({ ...sound, [name]: weak });
    expect(message).toContain(`${name}: follows a pattern`);
    expect(message).not.toContain(weak);
    expect(refusal({ ...sound, [name]: weak, ALLOW_IN_PRODUCTION: 'weak-secrets' })).toBe('');
  });

  it('refuses one value for a key that is sent and for another secret', () => {
    expect(refusal({ ...sound, ADMIN_KEY: sound.SECRET ?? '' })).toContain(
      'ADMIN_KEY: is the same as SECRET',
    );
  });

  it('refuses published passwords in addresses', () => {
    const env = {
      ...sound,
      DATABASE_URL: 'mysql://boxoffice:insecuredevelopment@mysql/boxoffice',
      REDIS_URL: 'redis://:insecuredevelopment@redis:6379',
      EVENTSTORE_URL: 'esdb://admin:changeit@eventstoredb:2113',
    };
    for (const name of ['DATABASE_URL', 'REDIS_URL', 'EVENTSTORE_URL'])
      expect(refusal(env)).toContain(`${name}: `);
    expect(refusal(env)).not.toContain('changeit');
  });

  it('refuses a data folder that other users can open, unless that is allowed', () => {
    const dataDir = sound.DATA_DIR ?? '';
    mkdirSync(dataDir);
    chmodSync(dataDir, 0o755);
    expect(refusal(sound)).toContain(`DATA_DIR: other users of this machine can open ${dataDir}`);
    expect(refusal({ ...sound, ALLOW_IN_PRODUCTION: 'open-data-folder' })).toBe('');
    chmodSync(dataDir, 0o750);
    expect(refusal(sound)).toBe('');
  });

  it('knows no other permission than those', () => {
    expect(refusal({ ...sound, ALLOW_IN_PRODUCTION: 'everything' })).toContain(
      'ALLOW_IN_PRODUCTION: may name',
    );
    expect(refusal({ ...sound, ALLOW_IN_PRODUCTION: 'weak-secrets, virtual-payments,' })).toBe('');
  });

  it('ends with exit code 2 before anything is opened or made', async () => {
    const terminal = new CapturedTerminal();
    const { NODE_ENV = '', DATA_DIR = '' } = sound;
    expect(await runServer({ NODE_ENV, DATA_DIR, PORT: '0' }, terminal)).toBe(2);
    expect(terminal.stderr).toContain('PAYMENT_URL');
    expect(existsSync(DATA_DIR)).toBe(false);
    expect((await cli(['payment-system', '--port', '0'], { NODE_ENV, DATA_DIR })).code).toBe(2);
    expect(existsSync(DATA_DIR)).toBe(false);
  });
});

describe('API8: the image', () => {
  it('runs its default command in production, so that a bare `docker run` is refused', () => {
    const dockerfile = read('Dockerfile');
    expect(dockerfile).toMatch(/^ENV NODE_ENV=production/m);
    expect(dockerfile).toMatch(/^CMD \["start"\]$/m);
    expect(refusal({ NODE_ENV: 'production', DATA_DIR: join(folder, 'data') })).toContain('PAYMENT_URL');
  });

  it('is allowed toys by the environment file for trying out, and by that alone', () => {
    expect(readEnvFile('deploy/dev.env').ALLOW_IN_PRODUCTION).toBe('weak-secrets,virtual-payments');
    expect(readEnvFile('deploy/production.env.example').ALLOW_IN_PRODUCTION ?? '').toBe('');
    for (const [name, { environment }] of Object.entries(readComposeFile('docker-compose.yml').services)) {
      if (environment.ROLE !== undefined) {
        const [allowed] = interpolationsOf(environment.ALLOW_IN_PRODUCTION ?? '');
        expect([name, allowed]).toEqual([
          name,
          { name: 'ALLOW_IN_PRODUCTION', isRequired: false, fallback: '' },
        ]);
      }
    }
  });
});

describe('ASVS V13.3: a published secret', () => {
  /** Values of settings that hold secrets in the text of a file. */
  const secretsIn = (text: string) =>
    [
      ...text.matchAll(
        /\b(?:[A-Z_]*SECRET|ADMIN_KEY|PAYMENT_API_KEY|secret|current)['"]?\s?[:=]\s?['"]?([^'"\n`$]{24,})/g,
      ),
    ]
      .map(([, value = '']) => value.trim())
      .filter((value) => /^[ -~]+$/.test(value) && !/[({|;]|undefined/.test(value));
  const files = [
    'Dockerfile',
    'docker-compose.yml',
    'README.md',
    'README.ko.md',
    ...['docs', 'deploy', 'test/e2e', 'test/api', 'test/commands', 'test/platform', 'bench/reads']
      .flatMap((path) => readdirSync(join(root, path)).map((name) => join(path, name)))
      .filter((path) => /\.(?:md|env|example|yml|ts|mjs)$/.test(path)),
  ];
  const published = [
    ...new Set([
      ...files.flatMap((file) => secretsIn(readFileSync(join(root, file), 'utf8'))),
      ...Object.entries(readEnvFile('deploy/dev.env')).flatMap(([name, value]) =>
        /SECRET|KEY|PASSWORD/.test(name) ? [value] : [],
      ),
      testEnvironment.SECRET,
      testEnvironment.ADMIN_KEY,
    ]),
  ];

  it('is one of several', () => expect(published.length).toBeGreaterThan(10));
  it.each(published)('is refused: %s', (value) => expect(weaknessOf(value)).toBeDefined());
  it.each([
    'x'.repeat(32),
    '0123456789abcdef0123456789abcdef',
    'q7Zp'.repeat(8),
    '00000000-0000-0000-0000-000000000001',
    'correct horse battery staple and more words',
  ])('is refused as well when it is as easy to guess: %s', (value) =>
    expect(weaknessOf(value)).toBeDefined(),
  );

  it('does not look like a random one', () => {
    const made = (encoding: 'hex' | 'base64' | 'base64url', bytes: number) =>
      Array.from({ length: 2_000 }, () => randomBytes(bytes).toString(encoding));
    const all = [...made('hex', 16), ...made('hex', 32), ...made('base64', 24), ...made('base64', 32)];
    expect(all.filter((value) => weaknessOf(value) !== undefined)).toEqual([]);
  });
});
