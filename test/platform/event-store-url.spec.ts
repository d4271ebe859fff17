import { BadConfiguration, readConfig } from '../../src/platform/config.js';
import { parseEventStoreUrl } from '../../src/platform/event-store-url.js';

const password = 'hunter2-and-more';

describe('a connection string', () => {
  it('is read into hosts, credentials and settings', () => {
    const url = parseEventStoreUrl(
      'esdb+discover://box%40office:pa%24%3A%20word@node-1:2114?tlsCAFile=%2Fetc%2Fca.pem&NODE_PREFERENCE=read-only-replica&gossipTimeout=3',
    );
    expect(url).toMatchObject({
      hosts: [{ host: 'node-1', port: 2114 }],
      isDiscovered: true,
      credentials: { user: 'box@office', password: 'pa$: word' },
      hasTls: true,
      tlsCaFile: '/etc/ca.pem',
      nodePreference: 'readOnlyReplica',
      gossipTimeoutMs: 3_000,
    });
    expect(parseEventStoreUrl('kurrentdb://a,[::1]:99/?tls=false&tlsVerifyCert=true')).toMatchObject({
      hosts: [
        { host: 'a', port: 2113 },
        { host: '::1', port: 99 },
      ],
      credentials: undefined,
      hasTls: false,
      keepAliveIntervalMs: 10_000,
      nodePreference: 'leader',
    });
  });

  it.each([
    ['tlsVerifyCert=false', 'the parameter tlsVerifyCert cannot be false'],
    ['tlsverifycert=false', 'the parameter tlsVerifyCert cannot be false'],
    ['tls=maybe', 'the parameter tls must be true or false'],
    ['defaultDeadline=5', 'the parameter defaultDeadline is unknown or has no effect'],
    ['throwOnAppendFailure=false', 'the parameter throwOnAppendFailure is unknown or has no effect'],
    ['colour=red', 'the parameter colour is unknown'],
    ['keepAliveInterval=soon', 'the parameter keepAliveInterval must be a whole number'],
    ['nodePreference=best', 'the parameter nodePreference must be one of'],
    ['tls=true&TLS=false', 'the parameter tls is given twice'],
    ['tlsCAFile=', 'parameters must have the form name=value'],
    ['tls', 'parameters must have the form name=value'],
    ['userCertFile=a', 'the parameters userCertFile and userKeyFile must be given together'],
    ['connectionName=%zz', 'the parameter connectionName has a %'],
  ])('with the parameter %s is refused by its name at the start', (query, message) => {
    const url = `esdb://boxoffice:${password}@db:2113?${query}`;
    let refusal = '';
    try {
      readConfig({ EVENTSTORE_URL: url });
    } catch (error) {
      if (!(error instanceof BadConfiguration)) throw error;
      refusal = error.message;
    }
    expect(refusal).toContain(`EVENTSTORE_URL: ${message}`);
    expect(refusal).not.toContain(password);
  });

  it.each([
    'mysql://localhost',
    `esdb://boxoffice:${password}/x@db:2113`,
    `esdb://boxoffice:${password}?x=1@db:2113`,
    `esdb://boxoffice:${password}@x@db:2113`,
    `esdb://boxoffice:${password}%@db:2113`,
    `esdb://${password}@db:2113`,
    `esdb://boxoffice:a:${password}@db:2113`,
    `esdb://boxoffice:${password}@db:0`,
    `esdb://boxoffice:${password}@`,
    `esdb://db?${password}`,
    `esdb://db?${password}-@x=1`,
  ])('that is malformed is refused without being quoted', (url) => {
    expect(() => parseEventStoreUrl(url)).toThrow(expect.objectContaining({ name: 'BadEventStoreUrl' }));
    expect(() => parseEventStoreUrl(url)).not.toThrow(password);
  });
});
