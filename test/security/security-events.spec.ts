import {
  type SecurityEvent,
  SecurityEvents,
  securityEventKinds,
} from '../../src/platform/security-events.js';

// OWASP API8 (security misconfiguration: insufficient logging); ASVS 5.0 16.2, 16.3.

interface Line {
  readonly level: 'info' | 'warn';
  readonly details: Readonly<Record<string, unknown>>;
  readonly message: string;
}

const key = Buffer.from('a key of the test');

function recording(hashKey = key) {
  const lines: Line[] = [];
  const write = (level: Line['level']) => (details: object, message: string) => {
    lines.push({ level, details: { ...details }, message });
  };
  const events = new SecurityEvents({ info: write('info'), warn: write('warn') }, hashKey);
  return { events, lines };
}

const failedLogin = {
  kind: 'login-failed',
  method: 'POST',
  path: '/v1/auth/login',
  address: '203.0.113.9',
  login: 'Mina',
} as const;

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

describe('the lines of security events', () => {
  it('are found by the field securityEvent and keep what the request is known by', () => {
    const { events, lines } = recording();
    events.record({ ...failedLogin, requestId: 'request-1' });
    const [line] = lines;
    expect(line).toMatchObject({
      level: 'info',
      details: { securityEvent: 'login-failed', path: '/v1/auth/login', requestId: 'request-1' },
    });
  });

  it('contain neither addresses nor login ids', () => {
    const { events, lines } = recording();
    events.record(failedLogin);
    const written = JSON.stringify(lines);
    expect(written).not.toMatch(/mina/i);
    expect(written).not.toContain('203.0.113.9');
  });

  it('show that two events come from one address or account, and nothing without the key', () => {
    const { events, lines } = recording();
    const other = recording(Buffer.from('another key'));
    events.record(failedLogin);
    events.record({ ...failedLogin, login: 'mina' });
    events.record({ ...failedLogin, address: '203.0.113.10', login: 'jun' });
    other.events.record(failedLogin);
    const hashes = [...lines, ...other.lines].map(({ details }) => [details.addressHash, details.loginHash]);
    const [first, again, stranger, elsewhere] = hashes;
    expect(first?.[0]).toMatch(/^[0-9a-f]{16}$/);
    expect(again).toEqual(first);
    for (const different of [stranger, elsewhere]) {
      expect(different?.[0]).not.toBe(first?.[0]);
      expect(different?.[1]).not.toBe(first?.[1]);
    }
  });

  it('of one text as an address and as a login id differ', () => {
    const { events, lines } = recording();
    events.record({ ...failedLogin, address: 'same', login: 'same' });
    expect(lines[0]?.details.addressHash).not.toBe(lines[0]?.details.loginHash);
  });

  it('are warnings when a person should look', () => {
    const { events, lines } = recording();
    events.record({ kind: 'refresh-token-reused', userId: 'u' });
    events.record({ kind: 'operator-refused', reason: 'unknown-key', method: 'GET', path: '/metrics' });
    expect(lines.map(({ level }) => level)).toEqual(['warn', 'warn']);
  });
});

describe('an attack', () => {
  it('cannot fill the disk with lines: what is left out is summed up, and all of it is counted', () => {
    const { events, lines } = recording();
    for (let attempt = 0; attempt < 10_000; attempt++) events.record(failedLogin);
    expect(lines).toHaveLength(20);
    jest.advanceTimersByTime(10_000);
    expect(lines).toHaveLength(21);
    expect(lines.at(-1)?.details).toEqual({ securityEvent: 'login-failed', suppressed: 9_980 });
    expect(events.counts.get('login-failed')).toBe(10_000);
  });

  it('is written again in the next window, and leaves nothing to sum up when it ends', () => {
    const { events, lines } = recording();
    for (let attempt = 0; attempt < 30; attempt++) events.record(failedLogin);
    jest.advanceTimersByTime(10_000);
    events.record(failedLogin);
    jest.advanceTimersByTime(10_000);
    expect(lines).toHaveLength(22);
    expect(lines.at(-1)?.details.suppressed).toBeUndefined();
  });

  it('of one kind hides no event of another', () => {
    const { events, lines } = recording();
    for (let attempt = 0; attempt < 1_000; attempt++) events.record(failedLogin);
    events.record({ kind: 'refresh-token-reused' });
    expect(lines.at(-1)?.details.securityEvent).toBe('refresh-token-reused');
  });

  it('by an operator has a line for every action', () => {
    const { events, lines } = recording();
    const action: SecurityEvent = {
      kind: 'operator-action',
      operator: 'mina',
      keyId: undefined,
      method: 'POST',
      path: '/v1/ops/projections/pause',
      status: 200,
    };
    for (let index = 0; index < 100; index++) events.record(action);
    expect(lines).toHaveLength(100);
  });
});

describe('the counters of security events', () => {
  it('begin at 0 for every kind, so that a rate can be seen from the first event on', () => {
    const { events } = recording();
    expect([...events.counts]).toEqual(securityEventKinds.map((kind) => [kind, 0]));
  });
});
