import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startDatabaseServer, type TestDatabaseServer } from '../../services/database-server.js';
import { sharedStartTimeoutMs } from '../../services/shared-database.js';

const run = promisify(execFile);

/** Two hosts: each has a certificate that it has signed itself. */
const names = ['localhost', 'elsewhere.example'] as const;
const fileOf = (name: string, what: 'certificate' | 'key') =>
  join(__dirname, 'certificates', `${name}.${what}.pem`);

let folder: string;
let server: TestDatabaseServer | undefined;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'boxoffice-tls-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

/** Migrates a database of a server that shows the certificate of `name`, as a process that trusts `trusted` does. */
async function migrateOver(name: string, trusted: readonly string[]): Promise<string> {
  server = await startDatabaseServer({
    settings: [`--ssl-cert=${fileOf(name, 'certificate')}`, `--ssl-key=${fileOf(name, 'key')}`],
  });
  const authorities = join(folder, 'authorities.pem');
  writeFileSync(authorities, trusted.map((one) => readFileSync(fileOf(one, 'certificate'), 'utf8')).join(''));
  const url = Object.assign(new URL(await server.newDatabase()), {
    hostname: 'localhost',
    search: '?tls=true',
  });
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: authorities };
  const { stdout } = await run(process.execPath, [join(__dirname, 'migrate-once.mjs'), url.toString()], {
    env,
  });
  return stdout;
}

describe('with ?tls=true the server is', () => {
  it(
    'accepted when its certificate is from a trusted authority and names the host',
    async () => {
      expect(await migrateOver('localhost', names)).toContain('"applied":["PersonalKeys');
    },
    sharedStartTimeoutMs,
  );

  it(
    'refused when its certificate names another host',
    async () => {
      await expect(migrateOver('elsewhere.example', names)).rejects.toThrow(
        "does not match certificate's altnames",
      );
    },
    sharedStartTimeoutMs,
  );

  it(
    'refused when its certificate is from an untrusted authority',
    async () => {
      await expect(migrateOver('localhost', ['elsewhere.example'])).rejects.toThrow(
        'self-signed certificate',
      );
    },
    sharedStartTimeoutMs,
  );
});
