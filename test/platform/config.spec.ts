import { BadConfiguration, configSchema, readConfig } from '../../src/platform/config.js';

const problemsOf = (env: Record<string, string>): string => {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof BadConfiguration) return error.message;
    throw error;
  }
  return '';
};

describe('readConfig', () => {
  it('needs nothing: every setting has a default or is generated', () => {
    expect(readConfig({})).toMatchObject({ HOST: '127.0.0.1', PORT: 3000, SAMPLE_CATALOG: true });
  });

  it('takes an empty variable for an unset one', () => {
    expect(readConfig({ PORT: '', SECRET: '' })).toMatchObject({ PORT: 3000 });
  });

  it('reads numbers and flags from text', () => {
    const config = readConfig({ PORT: '0', SAMPLE_CATALOG: 'false', RATE_LIMIT_LOGIN_PER_MINUTE: '0' });
    expect(config).toMatchObject({ PORT: 0, SAMPLE_CATALOG: false, RATE_LIMIT_LOGIN_PER_MINUTE: 0 });
  });

  it('names every variable that is wrong, at once', () => {
    const message = problemsOf({ PORT: 'abc', LOG_LEVEL: 'loud', SECRET: 'short', TRUST_PROXY: 'yes' });
    for (const name of ['PORT', 'LOG_LEVEL', 'SECRET', 'TRUST_PROXY']) expect(message).toContain(`${name}:`);
  });

  it('takes no key prefix that would break up names in Redis', () => {
    expect(readConfig({ REDIS_KEY_PREFIX: 'hall-2' })).toMatchObject({ REDIS_KEY_PREFIX: 'hall-2' });
    for (const prefix of ['a:b', 'a b', 'x'.repeat(65)]) {
      expect(problemsOf({ REDIS_KEY_PREFIX: prefix })).toContain('REDIS_KEY_PREFIX:');
    }
  });

  it('never repeats a secret in its message', () => {
    expect(problemsOf({ SECRET: 'hunter2' })).not.toContain('hunter2');
  });

  it('wants the keys of a payment system of one’s own', () => {
    const message = problemsOf({ PAYMENT_URL: 'https://pay.example' });
    expect(message).toContain('PAYMENT_API_KEY');
    expect(message).toContain('PAYMENT_CALLBACK_SECRET');
    const long = 'x'.repeat(32);
    const given = {
      PAYMENT_URL: 'https://pay.example',
      PAYMENT_API_KEY: long,
      PAYMENT_CALLBACK_SECRET: long,
    };
    expect(problemsOf(given)).toBe('');
  });

  it.each([
    ['ACCESS_TOKEN_TTL_MS', '900001'],
    ['PAYMENT_URL', 'ftp://pay.example'],
    ['PORT', '65536'],
    ['SWEEP_INTERVAL_MS', '0'],
    ['LOGIN_CONCURRENCY', '1.5'],
  ])('refuses %s=%s', (name, value) => {
    expect(problemsOf({ [name]: value })).toContain(`${name}:`);
  });

  it.each([
    ['PORT', 'abc', 'must be a number'],
    ['REDIS_URL', 'redis://u:pass-word@127.0.0.1:99999', 'must look like redis://'],
    ['REDIS_URL', 'redis://u:pass-word@127.0.0.1:6379/tickets', 'must look like redis://'],
  ])('says what %s=%s must be', (name, value, reason) => {
    expect(problemsOf({ [name]: value })).toContain(`${name}: ${reason}`);
    expect(problemsOf({ [name]: value })).not.toContain('pass-word');
  });

  it.each(['redis://127.0.0.1', 'rediss://u:p@redis.example:6380/2', 'redis://[::1]:6379/?family=6'])(
    'takes the Redis address %s',
    (REDIS_URL) => expect(readConfig({ REDIS_URL })).toMatchObject({ REDIS_URL }),
  );

  it('describes every setting, since the descriptions are its reference', () => {
    for (const [name, schema] of Object.entries(configSchema.shape)) {
      expect(`${name}: ${schema.description ?? 'UNDESCRIBED'}`).not.toContain('UNDESCRIBED');
    }
  });
});
