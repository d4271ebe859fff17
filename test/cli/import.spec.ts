import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sampleCatalog } from '../../src/integrations/feeds/sample-catalog.js';
import { type CannedServer, cannedServer, problem, type SeenRequest } from './canned-server.js';
import { cli, freshEnv, removeFolders, runningOn } from './captured-terminal.js';

const catalog = sampleCatalog(new Date());
const folder = mkdtempSync(join(tmpdir(), 'boxoffice-feeds-'));
const feed = join(folder, 'feed.json');
const nonsense = join(folder, 'nonsense.json');
writeFileSync(feed, JSON.stringify(catalog));
writeFileSync(nonsense, '{"format":"unheard of"}');

afterAll(() => {
  removeFolders();
  rmSync(folder, { recursive: true });
});

describe('an import without a server', () => {
  it('opens the data folder, publishes, and changes nothing the second time', async () => {
    const env = await freshEnv();
    const first = await cli(['import', feed, '--only', 'jazz-night', '--json'], env);
    expect(first.code).toBe(0);
    expect(first.stderr).toContain(`opening ${env.DATA_DIR}`);
    const outcomesOf = (stdout: string) =>
      JSON.parse(stdout).records.map((record: { kind: string; outcome: string }) => {
        return `${record.kind} ${record.outcome}`;
      });
    expect(outcomesOf(first.stdout)).toEqual([
      'venue published',
      'performance published',
      'schedule published',
    ]);
    const second = await cli(['import', feed, '--only', 'jazz-night', '--json'], env);
    expect(outcomesOf(second.stdout)).toEqual([
      'venue unchanged',
      'performance unchanged',
      'schedule unchanged',
    ]);
    const dearer = await cli(['import', feed, '--only', 'jazz-night', '--price', 'R=70000'], env);
    expect(dearer.code).toBe(0);
    expect(dearer.stdout).toMatch(/performance {2}revised +jazz-night/);
    expect(dearer.stdout).toMatch(/dates +1 unchanged/);
  });

  it('says why a feed is refused, with exit code 1', async () => {
    const { code, stdout } = await cli(['import', nonsense], await freshEnv());
    expect(code).toBe(1);
    expect(stdout).toContain('Nothing of this feed was imported.');
    expect(stdout).toContain('none of the known formats');
  });
});

describe('an import by a server', () => {
  let server: CannedServer;
  afterEach(() => server.close());
  const key = 'k'.repeat(32);

  const answering = async (reply: Parameters<typeof cannedServer>[0]) => {
    server = await cannedServer((request) => {
      return request.path === '/health/live' ? { status: 200, body: { live: true } } : reply(request);
    });
    return { ...runningOn(await freshEnv(), server.url), ADMIN_KEY: key };
  };
  const none = { published: 0, revised: 0, unchanged: 0, skipped: 0 };
  const imported = {
    format: 'boxoffice',
    records: [{ kind: 'venue', externalId: 'v', id: 'i', name: 'Hall', outcome: 'published' }],
    summary: {
      venues: { ...none, published: 1 },
      performances: none,
      dates: none,
      cancelledDates: 0,
      seats: 4,
    },
    keptSeats: [],
    matchedSeats: [],
    moreMatchedSeats: 0,
    problems: [],
    moreProblems: 0,
    groups: [],
    position: 7,
  };
  const posts = (): readonly SeenRequest[] => server.seen.filter((request) => request.method === 'POST');

  it('sends the feed with the operators’ key to the one that answers', async () => {
    const env = await answering(() => ({ status: 200, body: imported }));
    const { code, stdout } = await cli(['import', feed, '--dedupe', '--format', 'boxoffice'], env);
    expect(code).toBe(0);
    expect(stdout).toContain('Hall');
    expect(posts()).toHaveLength(1);
    expect(posts()[0]).toMatchObject({
      path: '/v1/admin/imports?format=boxoffice&dedupe=true',
      headers: { authorization: `Bearer ${key}` },
      body: JSON.stringify(catalog),
    });
  });

  it('exits with 1 when the server refuses the feed, or a venue of it', async () => {
    const problems = [{ record: 'venue "x"', reason: 'has two seats A', effect: 'refused' }];
    const groups = problems.map(({ record, ...rest }) => ({ ...rest, count: 1, records: [record] }));
    const refused = { code: 'feed-refused', detail: 'no', problems, moreProblems: 0, groups };
    let env = await answering(() => ({ status: 422, body: refused }));
    expect(await cli(['import', feed], env)).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('two seats A'),
    });
    await server.close();
    const allSkipped = problems.map((one) => ({ ...one, effect: 'skipped' }));
    env = await answering(() => ({ status: 422, body: { ...refused, problems: allSkipped } }));
    expect((await cli(['import', feed], env)).code).toBe(1);
    await server.close();
    env = await answering(() => ({ status: 200, body: { ...imported, problems, groups } }));
    expect((await cli(['import', feed], env)).code).toBe(1);
  });

  it('exits with 2 when the key is wrong, and 1 when the server fails', async () => {
    let env = await answering(() => problem(401, 'unauthenticated'));
    const refused = await cli(['import', feed], env);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('--admin-key') });
    await server.close();
    expect(refused.stderr).not.toContain('repeat it');
    env = await answering(() => problem(500, 'internal'));
    expect(await cli(['import', feed], env)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('repeat it'),
    });
    await server.close();
    env = await answering(() => undefined);
    expect(await cli(['import', feed], env)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/did not answer.*\n.*repeat it/),
    });
  });

  it('goes to the named server only', async () => {
    const env = await answering(() => ({ status: 200, body: imported }));
    const gone = await freshEnv();
    const named = ['import', feed, '--server', `http://127.0.0.1:${gone.PORT}`];
    expect((await cli(named, env)).code).toBe(1);
    expect(posts()).toHaveLength(0);
  });
});
