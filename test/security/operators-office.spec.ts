import { cli } from '../cli/captured-terminal.js';
import { call } from '../e2e/fan.js';
import { Office } from '../e2e/office.js';
import { smallHallDocument } from '../e2e/small-hall.js';
import { testEnvironment } from '../e2e/test-environment.js';

// OWASP API5, API2; ASVS 5.0 8.2.1, 16.2.1: the whole office, from its first start to a new owner after all keys were lost.

let office: Office;
beforeEach(async () => {
  office = await Office.open();
});
afterEach(() => office.close());

const as = (key: string) => ({ authorization: `Bearer ${key}` });
const audit = (key: string) => call(office.url, 'GET', '/v1/admin/operators/me', { headers: as(key) });
const environmentKey = testEnvironment.ADMIN_KEY;

/** Runs the command line on this office. */
const run = (args: readonly string[], key: string = environmentKey) =>
  cli(args, { ...office.environment, PORT: new URL(office.url).port, ADMIN_KEY: key });

it('an owner’s key closes that of the environment, and outlives a restart; a revoked one opens nothing', async () => {
  const boss = (await run(['operators', 'issue', 'boss', '--role', 'owner'])).stdout.trim();
  expect((await audit(environmentKey)).status).toBe(401);
  const mina = (await run(['operators', 'issue', 'mina', '--role', 'box-office'], boss)).stdout.trim();
  expect((await audit(mina)).body).toMatchObject({ operator: 'mina', role: 'box-office' });
  const refused = await run(['operators', 'issue', 'jun', '--role', 'owner'], mina);
  expect(refused).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('403') });

  await office.restart();
  expect((await audit(environmentKey)).status).toBe(401);
  expect((await audit(mina)).status).toBe(200);
  const revoked = await run(['operators', 'revoke', 'mina', '--reason', 'she has left'], boss);
  expect(revoked.code).toBe(0);
  expect((await audit(mina)).status).toBe(401);
  const last = await run(['operators', 'revoke', 'boss', '--reason', 'by mistake'], boss);
  expect(last).toMatchObject({ code: 2, stderr: expect.stringContaining('last owner’s key') });
  expect((await audit(boss)).status).toBe(200);

  const listed = await run(['operators', 'list'], boss);
  expect(listed.stdout).toMatch(/boss +owner/);
  expect(listed.stdout).toMatch(/mina +box-office .*revoked .*: she has left/);
  for (const key of [boss, mina]) expect(listed.stdout).not.toContain(key.slice(-43));
});

it('the audit of the log says who did what, with which key', async () => {
  const boss = (await run(['operators', 'issue', 'boss', '--role', 'owner'])).stdout.trim();
  const issued = JSON.parse(
    (await run(['operators', 'issue', 'mina', '--role', 'box-office', '--json'], boss)).stdout,
  );
  const body = smallHallDocument({ rows: 2, seatsPerRow: 2 });
  const imported = await call(office.url, 'POST', '/v1/admin/imports', { headers: as(issued.key), body });
  expect(imported.status).toBe(200);

  const { code, stdout } = await run(['audit', 'operators', '--json']);
  expect(code).toBe(0);
  const actions = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(actions).toMatchObject([
    { operator: 'environment', keyId: null, events: { OperatorKeyIssued: 1 } },
    { operator: 'boss', events: { OperatorKeyIssued: 1 }, streams: ['operator-keys'] },
    { operator: 'mina', keyId: issued.keyId, events: { VenuePublished: 1, PerformancePublished: 1 } },
  ]);
  expect(actions[2].correlationId).toBe(imported.headers.get('x-request-id'));

  const ofMina = await run(['audit', 'operators', '--operator', 'mina']);
  expect(ofMina.stdout).toContain(`mina  key ${issued.keyId}`);
  expect(ofMina.stdout).not.toContain('boss');
  const stream = await run(['audit', 'stream', 'operator-keys']);
  expect(stream.stdout).toContain('issued key');
  expect(stream.stdout).toContain('by operator boss (key ');
});

it('whoever can open the log issues a new owner’s key when all are lost', async () => {
  await run(['operators', 'issue', 'boss', '--role', 'owner']);
  // The key is lost. A running server keeps its folder to itself.
  expect((await run(['operators', 'issue', 'jun', '--role', 'owner', '--directly'])).code).toBe(2);
  await office.stop();
  const jun = await run(['operators', 'issue', 'jun', '--role', 'owner', '--directly']);
  expect(jun.code).toBe(0);
  const listed = await run(['operators', 'list']);
  expect(listed.stderr).toContain('no server answers');
  expect(listed.stdout).toMatch(/jun +owner/);
  await office.start();
  expect((await audit(jun.stdout.trim())).body).toMatchObject({ operator: 'jun', role: 'owner' });
  expect((await run(['audit', 'operators', '--operator', 'data-folder'])).stdout).toContain(
    'OperatorKeyIssued',
  );
});
