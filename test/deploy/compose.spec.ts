import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { configSchema, readConfig } from '../../src/platform/config.js';
import { interpolationsOf, read, readComposeFile, readEnvFile, root, type Service } from './compose-file.js';

const main = readComposeFile('docker-compose.yml');
const cluster = readComposeFile('deploy/eventstoredb-cluster.yml');
const isWhole = ([, service]: [string, Service]) => service.image !== undefined;
const services = [...Object.entries(main.services), ...Object.entries(cluster.services).filter(isWhole)];
const office = Object.entries(main.services).filter(([, { build }]) => build !== undefined);
const secretName = /SECRET|KEY|PASSWORD/;

describe('the compose file', () => {
  it.each(services)(
    '%s runs one version of its image, which may be pinned by digest',
    (_name, { image = '' }) => {
      const [own] = interpolationsOf(image);
      expect(own?.isRequired).toBe(false);
      const version = own?.fallback?.slice(own.fallback.lastIndexOf(':') + 1) ?? '';
      expect(version).toMatch(/^\d+\.\d+\.\d+/);
    },
  );

  it.each(services)('%s tells whether it works', (_name, { healthcheck }) => {
    expect(healthcheck?.test.length).toBeGreaterThan(1);
  });

  it.each(services)('%s is bounded, restarted and without privileges', (_name, service) => {
    expect(service.cap_drop).toEqual(['ALL']);
    expect(service.security_opt).toContain('no-new-privileges:true');
    expect(service.restart).toBe('unless-stopped');
    expect(service.logging?.options).toEqual({ 'max-size': '10m', 'max-file': '5' });
    expect(service.deploy.resources?.limits.memory).toMatch(/^\d+[mg]$/);
    // EventStoreDB's image says why in its place.
    expect(service.read_only).toBe(!service.image?.includes('eventstore/eventstore'));
  });

  it('runs every role, and the api more than once', () => {
    const roles = office.map(([, { environment }]) => environment.ROLE).filter((role) => role !== undefined);
    expect(roles.sort()).toEqual(['api', 'projector', 'worker']);
    expect(main.services.api?.deploy.replicas).toBe(2);
  });

  it('names only settings there are', () => {
    const known = Object.keys(configSchema.shape);
    const named = office.flatMap(([, { environment }]) => Object.keys(environment));
    expect(named.filter((name) => !known.includes(name))).toEqual([]);
  });

  it.each(['docker-compose.yml', 'deploy/eventstoredb-cluster.yml'])(
    '%s has no secret of its own',
    (file) => {
      const interpolations = interpolationsOf(read(file));
      const secrets = interpolations.filter(({ name }) => secretName.test(name));
      expect(secrets.length).toBeGreaterThan(0);
      // Those of services that are off by default, and values before, may be missing, and then are.
      expect(secrets.filter(({ isRequired, fallback }) => !isRequired && fallback !== '')).toEqual([]);
      const given = Object.values(readComposeFile(file).services)
        .flatMap(({ environment }) => Object.entries(environment))
        .filter(([name, value]) => secretName.test(name) && interpolationsOf(value).length === 0)
        .filter(([, value]) => !value.startsWith('/'));
      expect(given).toEqual([]);
    },
  );

  it('lets the outside reach the proxy alone', () => {
    const published = services.filter(([, { ports }]) => ports.length > 0).map(([name]) => name);
    expect(published).toEqual(['proxy']);
    const named = services.flatMap(([, { networks }]) => networks);
    expect(Object.keys(main.networks).sort()).toEqual([...new Set(named)].sort());
  });

  it('waits for services that exist, healthy, and never for one a profile may leave out', () => {
    for (const [name, { depends_on }] of Object.entries(main.services)) {
      for (const [needed, { condition, required }] of Object.entries(depends_on)) {
        const isOptional = (main.services[needed]?.profiles.length ?? 0) > 0;
        expect([name, needed, condition, required]).toEqual([name, needed, 'service_healthy', !isOptional]);
      }
    }
  });

  it.each(['docker-compose.yml', 'deploy/eventstoredb-cluster.yml'])('%s mounts what exists', (file) => {
    const { services: own, volumes } = readComposeFile(file);
    const sources = Object.values(own).flatMap((service) => service.volumes.map(sourceOf));
    const missing = sources
      .flatMap((source) => (source.includes('${PROXY_') ? filesNamed(source) : [source]))
      .filter((source) => !source.startsWith('${') && !(source in volumes))
      .filter((source) => !existsSync(join(root, source)));
    expect(missing).toEqual([]);
  });

  it('gives the events of one append as much room on every EventStoreDB as a seating plan needs', () => {
    const nodes = services.filter(([, { image }]) => image?.includes('eventstore/eventstore'));
    expect(nodes).toHaveLength(4);
    for (const [, { environment }] of nodes) expect(environment.EVENTSTORE_MAX_APPEND_SIZE).toBe('8388608');
  });
});

describe('the environment files', () => {
  const interpolations = interpolationsOf(read('docker-compose.yml'));
  const required = new Set(interpolations.filter(({ isRequired }) => isRequired).map(({ name }) => name));

  it('for trying out has everything, and every role starts with it', () => {
    const env = readEnvFile('deploy/dev.env');
    expect([...required].filter((name) => !env[name])).toEqual([]);
    const filled = (text: string) =>
      text.replace(/\$\{(\w+)(?::[?-]([^}]*))?\}/g, (_, name, rest) => env[name] ?? rest);
    for (const [, { environment }] of office) {
      const given = Object.entries(environment).map(([name, value]) => [name, filled(value)]);
      expect(() => readConfig(Object.fromEntries(given))).not.toThrow();
    }
  });

  it('for trying out marks every secret as insecure', () => {
    const secrets = Object.entries(readEnvFile('deploy/dev.env')).filter(([name]) => secretName.test(name));
    expect(secrets.filter(([, value]) => !value.startsWith('insecure'))).toEqual([]);
  });

  it('for production names everything and fills in no secret', () => {
    const env = readEnvFile('deploy/production.env.example');
    const clusters = interpolationsOf(read('deploy/eventstoredb-cluster.yml')).map(({ name }) => name);
    expect([...required, ...clusters].filter((name) => !(name in env))).toEqual([]);
    expect(Object.entries(env).filter(([name, value]) => secretName.test(name) && value !== '')).toEqual([]);
  });
});

/** The part of `source:target[:mode]` that names a folder here; a variable's message may have colons of its own. */
function sourceOf(volume: string): string {
  return /^(?:\$\{[^}]*\}|[^:$])+/.exec(volume)?.[0] ?? volume;
}

/** The files of the proxy that a variable chooses among. */
function filesNamed(source: string): string[] {
  const names = source.includes('${PROXY_LISTEN')
    ? ['tls', 'plain']
    : ['operators-denied', 'operators-local'];
  return names.map((name) => source.replace(/\$\{[^}]*\}/, name));
}
