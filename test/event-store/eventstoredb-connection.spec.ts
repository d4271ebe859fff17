import { type AddressInfo, createServer, type Socket } from 'node:net';
import { findNode, targetOf } from '../../src/event-store/eventstoredb/connection.js';
import { openEventStoreDb } from '../../src/event-store/eventstoredb/event-store-db.js';
import { type EventStore, StoreUnavailable } from '../../src/event-store/port.js';
import { WireServer, type WireServerOptions } from '../eventstoredb-server/server.js';
import { localhostTls, trusting, wireTls } from '../eventstoredb-server/tls.js';
import { eventually } from '../services/wait-until.js';
import { Collector } from './collector.js';
import { newEvent, newEvents, streamIn } from './new-event.js';

const caFile = trusting(wireTls);
const localhostFile = trusting(localhostTls);
const tls = wireTls;
const credentials = { user: 'boxoffice', password: 'pa$$ word' };
const userInfo = `${credentials.user}:${encodeURIComponent(credentials.password)}@`;

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

async function start(options: WireServerOptions): Promise<WireServer> {
  const server = await new WireServer(options).start();
  opened.push({ close: () => server.stop() });
  return server;
}

/** For what must succeed, however slow the machine is. */
const patient = { appendTimeoutMs: 60_000, attemptTimeoutMs: 30_000, readTimeoutMs: 60_000 };
/** For what must fail. */
const impatient = { appendTimeoutMs: 3_000, attemptTimeoutMs: 1_000, readTimeoutMs: 1_000 };

function open(connectionString: string, limits = patient): EventStore {
  const store = openEventStoreDb({ connectionString, ...limits });
  opened.push(store);
  return store;
}

async function worksOver(connectionString: string): Promise<void> {
  const store = open(connectionString);
  const stream = streamIn('note');
  const collector = new Collector(store, { after: 'end' });
  await store.append(stream, 'none', newEvents(2));
  expect(await store.readStream(stream)).toHaveLength(2);
  await collector.untilEvents(2);
}

describe('a connection', () => {
  it('with TLS, user and password works', async () => {
    const { port } = await start({ tls, ...credentials });
    await worksOver(`esdb://${userInfo}localhost:${port}?${caFile}`);
  });

  it('with TLS to an IP address is verified by that address', async () => {
    const { port } = await start({ tls, ...credentials });
    await worksOver(`esdb://${userInfo}127.0.0.1:${port}?${caFile}`);
    const named = await start({ tls: localhostTls });
    const wrong = open(`esdb://127.0.0.1:${named.port}?${localhostFile}`, impatient);
    await expect(wrong.append(streamIn('note'), 'none', newEvents(1))).rejects.toThrow('127.0.0.1');
    expect(named.context.calls).toEqual([]);
    await worksOver(`esdb://localhost:${named.port}?${localhostFile}`);
  });

  it('to a server whose certificate is not trusted is never made', async () => {
    const { port } = await start({ tls });
    const store = open(`esdb://localhost:${port}`, impatient);
    const append = store.append(streamIn('note'), 'none', newEvents(1));
    await expect(append).rejects.toThrow(StoreUnavailable);
    await expect(append).rejects.toThrow(
      /nothing was appended .* cannot be reached: self-signed certificate$/,
    );
  });

  it.each([
    ['a wrong password', `${credentials.user}:wrong@`, 'does not accept user and password'],
    ['no user', '', 'the user, if one is given, lacks a right'],
  ])('with %s is refused, clearly and at once', async (_, user, message) => {
    const { port, context } = await start({ tls, ...credentials });
    const store = open(`esdb://${user}localhost:${port}?${caFile}`);
    const append = store.append(streamIn('note'), 'none', newEvents(1));
    await expect(append).rejects.toThrow(message);
    await expect(append).rejects.not.toBeInstanceOf(StoreUnavailable);
    await expect(store.readAll()).rejects.toThrow(message);
    expect(context.calls.filter((call) => call === 'BatchAppend')).toHaveLength(1);
  });

  it('finds the leader of a cluster by gossip, and the next one when that has gone', async () => {
    const [one, two, gossip] = [await start({}), await start({}), await start({})];
    gossip.clusterPorts = [one.port, two.port];
    const seeds = `esdb://127.0.0.1:${gossip.port},127.0.0.1:${gossip.port}?tls=false`;
    const store = open(seeds);
    await store.append(streamIn('note'), 'none', newEvents(1));
    expect(one.context.calls).toEqual(['BatchAppend']);
    expect(two.context.calls).toEqual([]);
    gossip.clusterPorts = [two.port, one.port];
    one.kill();
    await store.append(streamIn('note'), 'none', newEvents(1));
    expect(two.context.calls).toEqual(['BatchAppend']);
    expect(new Set(gossip.context.calls)).toEqual(new Set(['Gossip']));
  });

  it('finds the leader although other nodes accept connections and never answer', async () => {
    const { port } = await start({});
    const mute = await Promise.all(
      [1, 2, 3, 4, 5].map(async () => {
        const sockets: Socket[] = [];
        const server = createServer((socket) => sockets.push(socket));
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
        const close = (): void => {
          server.close();
          for (const socket of sockets) socket.destroy();
        };
        opened.push({ close });
        // Listening on TCP.
        return (server.address() as AddressInfo).port;
      }),
    );
    const seeds = [...mute, port].map((one) => `127.0.0.1:${one}`).join(',');
    await worksOver(`esdb://${seeds}?tls=false&gossipTimeout=100000`);
  });

  it('does not ask for the leader once it has been given up', async () => {
    const { port, context } = await start({});
    const target = targetOf(`esdb://127.0.0.1:${port},127.0.0.1:${port}?tls=false`);
    const givenUp = AbortSignal.abort(new Error('given up'));
    await expect(findNode(target, givenUp)).rejects.toThrow('given up');
    expect(context.calls).toEqual([]);
  });

  it('changes to the new leader when the old one becomes a follower', async () => {
    const [one, two, gossip] = [await start({}), await start({}), await start({})];
    gossip.clusterPorts = [one.port, two.port];
    const store = open(`esdb://127.0.0.1:${gossip.port},127.0.0.1:${gossip.port}?tls=false`);
    const stream = streamIn('note');
    await store.append(stream, 'none', newEvents(1));
    gossip.clusterPorts = [two.port, one.port];
    one.isFollower = true;
    // What the old leader had is not here: each wire server has a log of its own.
    expect(await store.readStream(stream)).toEqual([]);
    await store.append(stream, 'none', newEvents(2));
    expect(await store.readStream(stream)).toHaveLength(2);
  });

  it('reports an outage in two lines, however many calls it breaks', async () => {
    const [one, two, gossip] = [await start({}), await start({}), await start({})];
    gossip.clusterPorts = [one.port, two.port];
    const warnings: string[] = [];
    const seeds = `esdb://127.0.0.1:${gossip.port},127.0.0.1:${gossip.port}?tls=false`;
    const store = openEventStoreDb({ connectionString: seeds, warn: (message) => warnings.push(message) });
    opened.push(store);
    const subscriptions = 12;
    for (let n = 0; n < subscriptions; n++) new Collector(store, { after: 'start' });
    await eventually(() => one.context.reading.subscriptions === subscriptions);
    // Until the next leader is known, every attempt ends at the old one.
    one.kill();
    const asked = gossip.context.calls.length;
    const appends = Promise.all(
      newEvents(20).map((event) => store.append(streamIn('note'), 'none', [event])),
    );
    await eventually(() => gossip.context.calls.length >= asked + 4);
    gossip.clusterPorts = [two.port, one.port];
    await appends;
    await eventually(() => two.context.reading.subscriptions === subscriptions);
    expect(warnings).toEqual([
      expect.stringMatching(new RegExp(`^lost EventStoreDB \\(127\\.0\\.0\\.1:${one.port}\\): .`)),
      expect.stringMatching(
        new RegExp(`^EventStoreDB is back after \\d+\\.\\d s \\(127\\.0\\.0\\.1:${two.port}\\)$`),
      ),
    ]);
  });

  it('prefers another node if told so', async () => {
    const [one, two, gossip] = [await start({}), await start({}), await start({})];
    gossip.clusterPorts = [one.port, two.port];
    two.isFollower = true;
    const seeds = `127.0.0.1:${gossip.port},127.0.0.1:${gossip.port}`;
    const store = open(`esdb://${seeds}?tls=false&nodePreference=follower`);
    await store.append(streamIn('note'), 'none', newEvents(1));
    expect(two.context.log.records).toHaveLength(2);
  });

  it('through esdb+discover works with TLS', async () => {
    const { port, context } = await start({ tls, ...credentials });
    // Gossip names the members by address: the certificate is for that too.
    await worksOver(`esdb+discover://${userInfo}localhost:${port}?${caFile}`);
    // And the node gossip names is verified by that address.
    const named = await start({ tls: localhostTls });
    const wrong = open(`esdb+discover://localhost:${named.port}?${localhostFile}`, impatient);
    await expect(wrong.append(streamIn('note'), 'none', newEvents(1))).rejects.toThrow('127.0.0.1');
    expect(named.context.calls).not.toContain('BatchAppend');
    expect(context.calls).toContain('Gossip');
  });

  it('to a cluster that does not answer is given up in the time an append has', async () => {
    const gone = await start({});
    gone.kill();
    const store = open(`esdb+discover://127.0.0.1:${gone.port}?tls=false`, impatient);
    await expect(store.append(streamIn('note'), 'none', newEvents(1))).rejects.toThrow(StoreUnavailable);
    await expect(store.head()).rejects.toThrow(StoreUnavailable);
  });

  it('string that is malformed is refused when opened', () => {
    expect(() => openEventStoreDb({ connectionString: 'mysql://localhost' })).toThrow('esdb://');
  });
});

describe('a server', () => {
  it('with a smaller limit for appends fails with an error that names the limit', async () => {
    const { connectionString } = await start({ maxAppendSize: 100_000 });
    const store = open(connectionString);
    const stream = streamIn('note');
    const append = store.append(stream, 'none', [newEvent('x'.repeat(60_000)), newEvent('x'.repeat(60_000))]);
    await expect(append).rejects.toThrow(RangeError);
    await expect(append).rejects.toThrow('raise its MaxAppendSize');
    expect(await store.readStream(stream)).toEqual([]);
    expect(await store.append(stream, 'none', newEvents(1))).toMatchObject({ revision: 0 });
  });

  it('too old for BatchAppend is refused in a clear error', async () => {
    const { connectionString } = await start({ hasBatchAppend: false });
    const append = open(connectionString).append(streamIn('note'), 'none', newEvents(1));
    await expect(append).rejects.toThrow('23.10');
  });

  it("hides the server's own events, and refuses appends to its streams", async () => {
    const { connectionString, context } = await start({});
    const store = open(connectionString);
    expect(context.log.records).toHaveLength(1);
    expect(await store.head()).toBeUndefined();
    expect(await store.readAll()).toEqual([]);
    const collector = new Collector(store, { after: 'start' });
    const event = newEvent();
    const { position } = await store.append(streamIn('note'), 'none', [event]);
    context.log.remove('note-gone', -2, false);
    await collector.untilEvents(1);
    await collector.subscription.stop();
    expect(collector.ids).toEqual([event.id]);
    expect(await store.head()).toBe(position);
    await expect(store.append('$note-1', 'none', newEvents(1))).rejects.toThrow(TypeError);
  });

  it("that holds another application's events is refused as a log, clearly", async () => {
    const { connectionString, context } = await start({});
    const store = open(connectionString);
    const foreign = { id: crypto.randomUUID(), type: 'Image', isJson: false, data: new Uint8Array([1]) };
    context.log.append('photo-1', -2, [{ ...foreign, metadata: new Uint8Array() }]);
    await expect(store.readAll()).rejects.toThrow('another application');
    const collector = new Collector(store, { after: 'start' });
    await expect(collector.subscription.done).rejects.toThrow('another application');
  });
});

it('an append is refused as busy when too many wait', async () => {
  const server = await start({});
  const store = openEventStoreDb({ connectionString: server.connectionString, maxWaitingAppends: 2 });
  opened.push(store);
  const outcomes = await Promise.allSettled(
    [1, 2, 3].map(() => store.append(streamIn('note'), 'none', newEvents(1))),
  );
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
  expect(outcomes[2]).toMatchObject({ reason: { name: 'StoreUnavailable' } });
});
