import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openApiDocument } from '../../src/api/openapi/document.js';
import { Office } from '../e2e/office.js';
import { openSmallHall } from '../e2e/small-hall.js';

const root = join(__dirname, '../..');
const source = join(__dirname, 'generated-client/book.ts');

/** Runs a program of a package. */
function run(program: string, ...parameters: string[]): void {
  const done = spawnSync(process.execPath, [join(root, 'node_modules', program), ...parameters], {
    cwd: root,
    encoding: 'utf8',
  });
  if (done.status !== 0) throw new Error(`${program}: ${done.stdout}${done.stderr}`);
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'boxoffice-client-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a client generated from the API document', () => {
  it('compiles, and its types refuse what the API refuses', () => {
    const document = join(folder, 'api.json');
    writeFileSync(document, JSON.stringify(openApiDocument()));
    const types = join(folder, 'api.d.ts');
    run('openapi-typescript/bin/cli.js', document, '--output', types);
    const compilerOptions = {
      target: 'ES2023',
      lib: ['ES2023', 'DOM'],
      module: 'nodenext',
      strict: true,
      exactOptionalPropertyTypes: false,
      noEmit: true,
      rootDir: '/',
      skipLibCheck: true,
      typeRoots: [join(root, 'node_modules/@types')],
      types: ['node'],
      paths: { '#api': [types] },
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [source] }));
    run('@typescript/native/bin/tsc', '-p', folder);
  });

  it('books a seat', async () => {
    const office = await Office.open();
    try {
      await openSmallHall(office, { rows: 1, seatsPerRow: 2 });
      // Named by a variable, so that the compiler does not look for the types that only the test above generates.
      const { book } = await import(source);
      const { price, total, order } = await book(office.url);
      expect(total).toBe(price);
      expect(order).toMatchObject({ orderStatus: 'paid', totalAmount: price });
    } finally {
      await office.close();
    }
  });
});
