import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../../src/platform/config.js';
import { resolveSecrets, secretFile } from '../../src/platform/secrets.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'secrets-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const secrets = (env: Record<string, string> = {}) =>
  resolveSecrets(readConfig({ DATA_DIR: join(folder, 'data'), ...env }));
const dataDir = () => join(folder, 'data');

describe('resolveSecrets', () => {
  it('generates secrets once and finds them again after a restart', () => {
    const first = secrets();
    expect(secrets()).toEqual(first);
    const { tokens, queueSeeds, personalData, ...others } = first;
    expect([queueSeeds, personalData]).toEqual([tokens, tokens]);
    expect(new Set([tokens.current, ...Object.values(others)]).size).toBe(4);
    expect(readFileSync(secretFile(dataDir(), 'secret'), 'utf8')).toHaveLength(64);
  });

  it('keeps them from other users of the machine', () => {
    secrets();
    expect(statSync(secretFile(dataDir(), 'admin-key')).mode & 0o077).toBe(0);
  });

  it('prefers what the operator gives', () => {
    const given = 'g'.repeat(32);
    const resolved = secrets({ SECRET: given, ADMIN_KEY: `${given}2` });
    expect(resolved).toMatchObject({ tokens: { current: given }, adminKey: `${given}2` });
    expect(secrets({ SECRET: given }).paymentApiKey).toBe(resolved.paymentApiKey);
    expect(secrets({ SECRET: `${given}3` }).paymentApiKey).not.toBe(resolved.paymentApiKey);
  });

  it('generates no operators’ key for processes that share the work, since each would have its own', () => {
    const shared = {
      ROLE: 'api',
      EVENTSTORE_URL: 'esdb://127.0.0.1:2113?tls=false',
      DATABASE_URL: 'mysql://127.0.0.1/boxoffice',
      REDIS_URL: 'redis://127.0.0.1',
      PAYMENT_URL: 'http://127.0.0.1:4010',
      PAYMENT_API_KEY: 'p'.repeat(32),
      PAYMENT_CALLBACK_SECRET: 'c'.repeat(32),
      SECRET: 's'.repeat(32),
    };
    expect(secrets(shared).adminKey).toBeUndefined();
    expect(secrets({ ...shared, ADMIN_KEY: 'a'.repeat(32) }).adminKey).toBe('a'.repeat(32));
  });

  it('takes a secret of its own for each purpose, and the values before', () => {
    const [base, token, data] = ['s'.repeat(32), 't'.repeat(32), 'd'.repeat(32)];
    const given = { SECRET: base, SECRET_PREVIOUS: 'p'.repeat(32), TOKEN_SECRET: token, DATA_SECRET: data };
    expect(secrets({ ...given, DATA_SECRET_PREVIOUS: base })).toMatchObject({
      tokens: { current: token, previous: undefined },
      queueSeeds: { current: base, previous: given.SECRET_PREVIOUS },
      personalData: { current: data, previous: base },
    });
  });

  it('refuses a damaged file instead of signing with it', () => {
    secrets();
    writeFileSync(secretFile(dataDir(), 'secret'), 'short');
    expect(() => secrets()).toThrow('is damaged');
  });
});
