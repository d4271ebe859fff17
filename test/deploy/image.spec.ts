import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { nodeProblem } from '../../src/platform/node-version.js';
import { read, root } from './compose-file.js';

const lines = read('Dockerfile').replaceAll('\\\n', ' ').split('\n');
const copied = lines
  .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
  .flatMap((line) => line.split(/\s+/).slice(1, -1));

describe('the image', () => {
  it('copies what exists', () => {
    expect(copied.length).toBeGreaterThan(4);
    expect(copied.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  it('is built from what .dockerignore lets through, and from nothing else', () => {
    const ignore = read('.dockerignore').split('\n');
    const letThrough = ignore.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
    expect(ignore.filter((line) => !line.startsWith('#'))[0]).toBe('*');
    expect([...new Set(copied.map((path) => path.replace(/^\.\//, '')))].sort()).toEqual(letThrough.sort());
  });

  it('runs one minor version of Node, one the package allows, as an ordinary user', () => {
    const [, version] = /^ARG NODE_IMAGE=node:(24\.\d+)-[a-z]+-slim$/m.exec(read('Dockerfile')) ?? [];
    expect(nodeProblem(`${version}.0`)).toBeUndefined();
    const stages = lines.filter((line) => line.startsWith('FROM '));
    expect(stages).toHaveLength(2);
    for (const stage of stages) expect(stage).toMatch(/^FROM \$\{NODE_IMAGE\}(?: AS build)?$/);
    expect(lines.filter((line) => line.startsWith('USER '))).toEqual(['USER node']);
    // On this Node nothing is compiled.
    expect(read('Dockerfile')).not.toMatch(/apt-get|g\+\+/);
  });

  it('starts the program that package.json names', () => {
    const { boxoffice } = JSON.parse(read('package.json')).bin;
    expect(lines).toContain(`ENTRYPOINT ["node", "${boxoffice}"]`);
  });
});

describe('the proxy', () => {
  const conf = read('deploy/nginx/nginx.conf');

  it('tells the api the address it sees, whatever a client claims', () => {
    const settings = [...conf.matchAll(/X-Forwarded-For (\S+);/g)].map(([, value]) => value);
    expect(settings).toEqual(['$remote_addr']);
  });

  it('passes live streams on without holding them back', () => {
    const location = /location ~ (\S+) \{([^}]*)\}/.exec(conf);
    expect(location?.[2]).toContain('proxy_buffering off;');
    const pattern = new RegExp(location?.[1] ?? '(?!)');
    expect('/v1/schedules/a740adba/seats/events').toMatch(pattern);
    expect('/v1/performances/daeca55d/queue-token/events').toMatch(pattern);
    expect('/v1/performances').not.toMatch(pattern);
  });
});
