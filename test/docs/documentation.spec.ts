import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { configurationReference } from '../../src/platform/config.js';

const root = join(__dirname, '..', '..');
const pages = ['README.md', 'README.ko.md', 'bench/README.md'].concat(
  readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
);

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
