// OWASP API8:2023 Security Misconfiguration; ASVS 5.0 V15.2 (dependencies): a package that is taken over runs no code when
// it is installed.
import { z } from 'zod';
import { read } from '../deploy/compose-file.js';

const settings = read('.npmrc')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'));
const project = z
  .object({ scripts: z.record(z.string(), z.string()), allowScripts: z.record(z.string(), z.boolean()) })
  .parse(JSON.parse(read('package.json')));
const { packages } = z
  .object({
    packages: z.record(
      z.string(),
      z.looseObject({ name: z.string().optional(), hasInstallScript: z.boolean().optional() }),
    ),
  })
  .parse(JSON.parse(read('package-lock.json')));

describe('installing the dependencies (API8:2023)', () => {
  it('runs no script of any package, whichever version of npm does it', () => {
    // Nothing else, such as the address of a registry.
    expect(settings).toEqual(['ignore-scripts=true']);
  });

  it('needs no script of our own that npm would skip silently', () => {
    const names = Object.keys(project.scripts);
    const skipped = names.filter((name) => {
      const [, main] = /^(?:pre|post)(.+)$/.exec(name) ?? [];
      return main !== undefined && (names.includes(main) || ['install', 'pare', 'publish'].includes(main));
    });
    expect(skipped).toEqual([]);
    expect(names).not.toContain('install');
  });

  it('leaves one package to be compiled, the SQLite driver of Node 20, which the build does before anything needs it', () => {
    const named = Object.entries(packages)
      .filter(([, { hasInstallScript }]) => hasInstallScript)
      .map(
        ([path, { name }]) => name ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
      );
    const allowed = Object.entries(project.allowScripts).filter(([, isAllowed]) => isAllowed);
    expect(allowed).toEqual([['better-sqlite3', true]]);
    // npm 11 and newer ask about each of the others.
    expect([...new Set(named)].filter((name) => !(name in project.allowScripts))).toEqual([]);
    expect(project.scripts.build).toMatch(/^node scripts\/sqlite-driver\.mjs && /);
    for (const script of ['start', 'demo', 'test'])
      expect(project.scripts[script]).toMatch(/^npm run --silent build && /);
  });

  it('is the same for the image', () => {
    expect(read('Dockerfile')).toMatch(/^COPY package\.json package-lock\.json \.npmrc \.\/\nRUN npm ci/m);
  });
});
