// OWASP API8:2023 Security Misconfiguration, API5:2023 Broken Function Level Authorization; ASVS 5.0 V13.2 (backend
// communication).
import { allControllers } from '../../src/api/api.module.js';
import { dashboardPath } from '../../src/api/http-server.js';
import { reflectRoutes } from '../../src/api/openapi/routes.js';
import { interpolationsOf, read, readComposeFile } from '../deploy/compose-file.js';

interface Location {
  readonly kind: '' | '=' | '^~' | '~';
  readonly pattern: string;
  readonly body: string;
}

const conf = read('deploy/nginx/nginx.conf').replace(/#.*$/gm, '');
const [fansServer = ''] = conf.split('listen 127.0.0.1:8081');
const locations: Location[] = [...fansServer.matchAll(/location (?:(=|\^~|~) )?(\S+) \{([^}]*)\}/g)].map(
  ([, kind = '', pattern = '', body = '']) => ({ kind: kind as Location['kind'], pattern, body }),
);

/** The location nginx chooses: exact, else the longest prefix if it is `^~`, else the first pattern, else the prefix. */
function locationOf(path: string): Location | undefined {
  const exact = locations.find(({ kind, pattern }) => kind === '=' && pattern === path);
  const [prefix] = locations
    .filter(({ kind, pattern }) => (kind === '' || kind === '^~') && path.startsWith(pattern))
    .sort((a, b) => b.pattern.length - a.pattern.length);
  if (exact) return exact;
  if (prefix?.kind === '^~') return prefix;
  return locations.find(({ kind, pattern }) => kind === '~' && new RegExp(pattern).test(path)) ?? prefix;
}

const isGuarded = (path: string) =>
  locationOf(path)?.body.includes('include /etc/nginx/operators.conf;') ?? false;

describe('the proxy (API8:2023, API5:2023)', () => {
  const routes = reflectRoutes(allControllers);
  const address = (path: string) => path.replace(/:\w+/g, 'a740adba');
  const operators = routes.filter(({ config }) => config.operatorsOnly).map(({ path }) => address(path));

  it.each([...new Set(operators), dashboardPath, `${dashboardPath}/api/queues`])(
    'lets nobody reach %s unless the operator allows the address',
    (path) => {
      expect(operators.length).toBeGreaterThan(10);
      expect(isGuarded(path)).toBe(true);
    },
  );

  it('denies everybody by default', () => {
    const rules = read('deploy/nginx/operators-denied.conf').replace(/#.*$/gm, '').trim();
    expect(rules).toBe('deny all;');
    const { volumes = [] } = readComposeFile('docker-compose.yml').services.proxy ?? {};
    const [chosen = ''] = volumes.filter((volume) => volume.endsWith(':/etc/nginx/operators.conf:ro'));
    expect(interpolationsOf(chosen)).toEqual([
      { name: 'PROXY_OPERATORS', isRequired: false, fallback: 'operators-denied' },
    ]);
  });

  it('lets fans reach everything else', () => {
    const fans = routes.filter(({ config }) => !config.operatorsOnly).map(({ path }) => address(path));
    expect(fans.length).toBeGreaterThan(20);
    expect(fans.filter(isGuarded)).toEqual([]);
  });
});

describe('the networks of the compose file (API8:2023, ASVS V13.2)', () => {
  const main = readComposeFile('docker-compose.yml').services;
  const cluster = readComposeFile('deploy/eventstoredb-cluster.yml').services;
  const networksOf = (name: string) => (main[name] ?? cluster[name])?.networks ?? [];

  it('give the proxy a way to the api and to nothing else', () => {
    const reached = Object.entries(main)
      .filter(
        ([name, { networks }]) =>
          name !== 'proxy' && networks.some((one) => networksOf('proxy').includes(one)),
      )
      .map(([name]) => name);
    expect(reached).toEqual(['api']);
  });

  it.each(['eventstoredb', 'mysql', 'redis', 'eventstoredb-1', 'eventstoredb-2', 'eventstoredb-3'])(
    'keep %s where nothing reaches or is reached from the outside',
    (name) => {
      expect(networksOf(name)).toEqual(['data']);
      expect(readComposeFile('docker-compose.yml').networks.data).toEqual({ internal: true });
    },
  );
});
