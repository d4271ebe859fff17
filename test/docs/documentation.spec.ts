import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { configurationReference } from '../../src/platform/config.js';

const root = join(__dirname, '..', '..');
const pages = ['README.md', 'README.ko.md', 'bench/README.md'].concat(
  readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
);

const topFolders = ['src', 'test', 'bench', 'scripts', 'bin'];
/** With `/` before the top folder. */
const allFiles = topFolders.flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((file) => `/${folder}/${file}`),
);

/** Whether a text in backticks is the path of a source file or of a folder of ours; a pattern names no single file. */
function isSourcePath(text: string): boolean {
  if (text.includes('*')) return false;
  return (
    text.endsWith('.ts') ||
    topFolders.some((folder) => text.startsWith(`${folder}/`) && text !== `${folder}/`)
  );
}

/** From the root, or for a file from any folder: pages leave out what is clear from their subject. */
function exists(path: string): boolean {
  if (path.endsWith('.ts')) return allFiles.some((file) => file.endsWith(`/${path}`));
  // The beginning of a name is a pattern of test files.
  return allFiles.some((file) => file.startsWith(`/${path}`));
}

describe('the documentation', () => {
  it('describes the configuration as the schema has it (else run: node scripts/configuration-reference.mjs)', () => {
    expect(readFileSync(join(root, 'docs/configuration.md'), 'utf8')).toBe(configurationReference());
  });

  it.each(pages)('%s links only to pages that exist', (page) => {
    const text = readFileSync(join(root, page), 'utf8');
    const targets = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)].map(
      (match) => match[1] ?? '',
    );
    const missing = targets.filter((target) => !existsSync(join(root, dirname(page), target)));
    expect(missing).toEqual([]);
  });

  it.each(pages)('%s names only files and folders that exist', (page) => {
    const text = readFileSync(join(root, page), 'utf8');
    const paths = [...text.matchAll(/`([\w.-]+(?:\/[\w.*-]+)*\/?)`/g)]
      .map((match) => match[1] ?? '')
      .filter(isSourcePath);
    expect(paths.filter((path) => !exists(path))).toEqual([]);
  });

  it('names every dependency and why it is there', () => {
    const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const text = readFileSync(join(root, 'docs/dependencies.md'), 'utf8');
    // `@nestjs/core`, `common` shares its scope with the name before it.
    const isNamed = (name: string) =>
      text.includes(`\`${name}\``) || text.includes(`\`${name.replace(/^@nestjs\//, '')}\``);
    const all = Object.keys({ ...dependencies, ...devDependencies }).filter(
      (name) => !name.startsWith('@types/'),
    );
    expect(all.filter((name) => !isNamed(name))).toEqual([]);
  });
});
