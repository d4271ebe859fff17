/** ASVS 5.0 V13.3.4 (secrets are rotated), V11.1.1 (keys have a life cycle); OWASP API8:2023. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningBoxoffice, startBoxoffice } from '../../src/app/boxoffice.js';
import { EnterService } from '../../src/commands/queue/enter-and-leave.js';
import { OpenQueue } from '../../src/commands/queue/open-and-admit.js';
import { type Instant, sessionIdSchema, userIdSchema } from '../../src/events/ids.js';
import { readConfig } from '../../src/platform/config.js';
import { deriveId } from '../../src/platform/derive-id.js';
import { TokenSigner } from '../../src/platform/token-signer.js';
import { cli } from '../cli/captured-terminal.js';
import { contradictions } from '../commands/audit.js';
import { type CommandSide, createCommandSide, restarted } from '../commands/box-office.js';
import { freshContext, letIn, openTheatre, outcomeOf, performanceId, queued } from '../commands/theatre.js';
import { type Answer, call } from '../e2e/fan.js';
import { importDocument, smallHallDocument } from '../e2e/small-hall.js';
import { testEnvironment } from '../e2e/test-environment.js';
import { eventually } from '../services/wait-until.js';

const random = () => randomBytes(32).toString('hex');
const [older, newer] = [random(), random()];

describe('ASVS V13.3.4: an office whose secrets are replaced', () => {
  const folder = mkdtempSync(join(tmpdir(), 'boxoffice-rotation-'));
  const { SECRET, ...settings } = testEnvironment;
  const common = { ...settings, DATA_DIR: join(folder, 'data') };
  const before = { ...common, SECRET: older };
  /** From one secret for everything to one for each purpose. */
  const [tokens, queues, data] = [random(), random(), random()];
  const replaced = { ...common, TOKEN_SECRET: tokens, QUEUE_SECRET: queues, DATA_SECRET: data };
  const during = {
    ...replaced,
    TOKEN_SECRET_PREVIOUS: older,
    QUEUE_SECRET_PREVIOUS: older,
    DATA_SECRET_PREVIOUS: older,
  };
  let server: RunningBoxoffice | undefined;
  let tokensOf: { accessToken: string; refreshToken: string; queueToken: string };
  const start = async (env: Record<string, string>) => {
    await server?.close();
    server = await startBoxoffice(readConfig(env));
  };
  const ask = (
    method: string,
    path: string,
    body?: unknown,
    more: Record<string, string> = {},
  ): Promise<Answer> =>
    call(server?.url ?? '', method, path, {
      ...(body === undefined ? {} : { body }),
      headers: {
        authorization: `Bearer ${tokensOf?.accessToken}`,
        'x-queue-token': tokensOf?.queueToken ?? '',
        ...more,
      },
    });
  const person = {
    loginId: 'mina-rotated',
    username: 'Mina',
    name: 'Kim Mina',
    password: 'correct horse battery',
  };
  let hall: { performanceId: string; scheduleId: string };
  const queuePath = () => `/v1/performances/${hall.performanceId}/queue-token`;

  beforeAll(async () => {
    await start(before);
    const report = await importDocument(
      { url: server?.url ?? '', config: readConfig(before) },
      smallHallDocument({ rows: 1, seatsPerRow: 4 }),
    );
    const idOf = (kind: string) => report.records.find((record: { kind: string }) => record.kind === kind).id;
    hall = { performanceId: idOf('performance'), scheduleId: idOf('schedule') };
    await ask('POST', '/v1/users', person);
    const { loginId, password } = person;
    tokensOf = { ...(await ask('POST', '/v1/auth/login', { loginId, password })).body, queueToken: '' };
    const joined = await ask('POST', queuePath(), { numberOfTickets: 1 });
    tokensOf = { ...tokensOf, queueToken: joined.body.queueToken };
    await eventually(async () => (await ask('GET', queuePath())).body.status === 'admitted');
    expect((await cli(['audit', 'seal'], before)).code).toBe(0);
    await start(during);
  });
  afterAll(async () => {
    await server?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('logs nobody out', async () => {
    expect((await ask('GET', '/v1/me')).body).toMatchObject({ name: 'Kim Mina' });
    const refreshed = await ask('POST', '/v1/auth/refresh', { refreshToken: tokensOf.refreshToken });
    expect(refreshed.status).toBe(200);
    const { accessToken, refreshToken } = refreshed.body;
    expect((await ask('GET', '/v1/me', undefined, { authorization: `Bearer ${accessToken}` })).status).toBe(
      200,
    );
    expect((await ask('POST', '/v1/auth/refresh', { refreshToken })).status).toBe(200);
  });

  it('keeps places in queues, and turns', async () => {
    const { status, body } = await ask('GET', queuePath());
    expect([status, body.status]).toEqual([200, 'admitted']);
    const key = { 'idempotency-key': 'hold-after-the-rotation' };
    const hold = await ask('POST', `/v1/schedules/${hall.scheduleId}/holds`, { seatIds: ['R1-1'] }, key);
    expect(hold.status).toBe(201);
  });

  it('reads personal data without the old secret once the keys are wrapped anew, beside the running server', async () => {
    const { DATA_SECRET_PREVIOUS, ...without } = during;
    expect(await cli(['rebuild', 'users', '--json'], without)).toMatchObject({ code: 2 });
    const rewrapped = await cli(['rewrap-keys'], during);
    // Mina’s, and the one that shows which secret is the right one.
    expect(rewrapped).toMatchObject({ code: 0, stdout: expect.stringMatching(/^2 keys were/) });
    expect((await cli(['rewrap-keys'], during)).stdout).toMatch(/^0 keys were/);
    const rebuilt = await cli(['rebuild', 'users', '--json'], without);
    expect(JSON.parse(rebuilt.stdout)).toMatchObject({ differenceCount: 0 });
    expect((await ask('GET', '/v1/me')).body.name).toBe('Kim Mina');
  });

  it('leaves seals valid', async () => {
    expect(await cli(['audit', 'check-seal'], replaced)).toMatchObject({ code: 0 });
  });

  it('accepts nothing that the old secret signed once it is removed, and runs on', async () => {
    await start(replaced);
    expect((await ask('GET', '/v1/me')).status).toBe(401);
    const { loginId, password } = person;
    const login = await ask('POST', '/v1/auth/login', { loginId, password });
    tokensOf = { ...tokensOf, ...login.body };
    expect((await ask('GET', '/v1/me')).body).toMatchObject({ name: 'Kim Mina' });
    expect(
      (await ask('POST', `/v1/schedules/${hall.scheduleId}/holds`, { seatIds: ['R1-2'] })).body.code,
    ).toBe('queue-token-invalid');
  });

  it('takes secrets from files, which can be changed between two starts', () => {
    const file = join(folder, 'token-secret');
    writeFileSync(file, `${tokens}\n`);
    const { TOKEN_SECRET, ...env } = replaced;
    expect(readConfig({ ...env, TOKEN_SECRET_FILE: file }).TOKEN_SECRET).toBe(tokens);
    expect(() => readConfig({ ...replaced, TOKEN_SECRET_FILE: file })).toThrow(
      'TOKEN_SECRET_FILE: is given beside',
    );
    expect(() => readConfig({ ...env, TOKEN_SECRET_FILE: `${file}x` })).toThrow(
      /TOKEN_SECRET_FILE: .* \(ENOENT\)/,
    );
    writeFileSync(file, 'too short');
    expect(() => readConfig({ ...env, TOKEN_SECRET_FILE: file })).toThrow('TOKEN_SECRET: must have');
  });
});

describe('ASVS V13.3.4: processes that are restarted one after the other', () => {
  const clock = createCommandSide().clock;
  const steps = [
    { current: older, previous: undefined },
    { current: older, previous: newer },
    { current: newer, previous: older },
    { current: newer, previous: undefined },
  ];
  const claims = {
    sub: userIdSchema.parse(deriveId('mina')),
    sid: sessionIdSchema.parse(deriveId('session')),
  };

  it.each([0, 1, 2])('accept each other’s tokens at step %i of the rotation and the one after', (step) => {
    const signers = [steps[step], steps[step + 1]].map(
      (secret) => new TokenSigner(secret ?? { current: '' }, clock),
    );
    for (const signing of signers) {
      const token = signing.access.sign(claims, 60_000).value;
      // After the last step the previous value is gone: only what a process of the step before made by then is refused.
      for (const verifying of signers) expect(verifying.access.verify(token)).toMatchObject(claims);
    }
  });

  it('accept neither what another secret signed nor a token of another kind', () => {
    const rotating = new TokenSigner({ current: newer, previous: older }, clock);
    const forged = new TokenSigner({ current: random() }, clock).access.sign(claims, 60_000).value;
    expect(rotating.access.verify(forged)).toBeUndefined();
    const refresh = new TokenSigner({ current: older }, clock).refresh.sign(
      { ...claims, gen: 0 },
      60_000,
    ).value;
    expect(rotating.access.verify(refresh)).toBeUndefined();
  });
});

describe('ASVS V13.3.4: a queue whose secret is replaced before it opens', () => {
  const opensAt = '2026-11-22T12:00:00.000Z' as Instant; // a literal of exactly that form
  const hashOf = async (side: CommandSide) => {
    const events = await side.store.readCategory('performance');
    return events.map(({ data }) => (data as { seedHash: string }).seedHash); // PerformancePublished only
  };
  let side: CommandSide;
  beforeEach(async () => {
    side = createCommandSide({ settings: { queueSecret: { current: older } } });
    await openTheatre(side, { sales: { opensAt } });
  });

  it('opens with the seed whose hash was published, also when the catalog is imported anew', async () => {
    const mina = await queued(side, 'mina');
    const during = restarted(side, { settings: { queueSecret: { current: newer, previous: older } } });
    await openTheatre(during, { sales: { opensAt } });
    expect(new Set(await hashOf(during)).size).toBe(1);
    during.clock.moveTo(opensAt);
    await letIn(during);
    await during.execute(new EnterService(mina, freshContext()));
    // Once it is open the secret is not needed, and its hash stays what it was.
    const after = restarted(side, { settings: { queueSecret: { current: newer } } });
    await openTheatre(after, { sales: { opensAt, maxActive: 77 } });
    expect(new Set(await hashOf(after)).size).toBe(1);
    expect(await contradictions(side.store)).toEqual([]);
  });

  it('does not open when the old secret was removed too early, with what to do', async () => {
    const early = restarted(side, { settings: { queueSecret: { current: newer } } });
    early.clock.moveTo(opensAt);
    expect(await outcomeOf(early.execute(new OpenQueue(performanceId, freshContext())))).toBe(
      'seed-mismatch',
    );
  });
});
