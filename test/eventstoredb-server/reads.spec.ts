import { randomUUID } from 'node:crypto';
import {
  BACKWARDS,
  binaryEvent,
  END,
  eventTypeFilter,
  excludeSystemEvents,
  jsonEvent,
  type Position,
  START,
  StreamDeletedError,
  StreamNotFoundError,
  streamNameFilter,
} from '@eventstore/db-client';
import { all, serverAndClient } from './opened-client.js';

const event = (n: number, type = 'Noted') => jsonEvent({ type, data: { n } });
const events = (count: number, type?: string) => Array.from({ length: count }, (_, n) => event(n, type));
const { client } = serverAndClient();

async function revisions(stream: string, options: object): Promise<number[]> {
  const read = await all(client().readStream(stream, options));
  return read.map(({ event: recorded }) => Number(recorded?.revision));
}

describe('reading a stream', () => {
  it('goes both ways from an inclusive revision', async () => {
    const stream = `note-${randomUUID()}`;
    await client().appendToStream(stream, events(10));
    expect(await revisions(stream, { maxCount: 3 })).toEqual([0, 1, 2]);
    expect(await revisions(stream, { fromRevision: 8n })).toEqual([8, 9]);
    expect(await revisions(stream, { fromRevision: END })).toEqual([]);
    expect(await revisions(stream, { fromRevision: 50n })).toEqual([]);
    const back = { direction: BACKWARDS };
    expect(await revisions(stream, { ...back, fromRevision: 2n })).toEqual([2, 1, 0]);
    expect(await revisions(stream, { ...back, fromRevision: END, maxCount: 2 })).toEqual([9, 8]);
    expect(await revisions(stream, { ...back, fromRevision: START })).toEqual([0]);
    await expect(revisions('note-none', {})).rejects.toBeInstanceOf(StreamNotFoundError);
  });

  it('gives data, metadata and time as they were', async () => {
    const stream = `note-${randomUUID()}`;
    const json = jsonEvent({ type: 'J', data: { 이름: 'é' }, metadata: { by: 'me' } });
    const binary = binaryEvent({ type: 'B', data: new Uint8Array([0, 255]), metadata: new Uint8Array([7]) });
    await client().appendToStream(stream, [json, binary]);
    const [first, second] = (await all(client().readStream(stream))).map((resolved) => resolved.event);
    expect(first).toMatchObject({
      id: json.id,
      type: 'J',
      data: json.data,
      metadata: json.metadata,
      isJson: true,
    });
    expect(Math.abs(Number(first?.created) - Date.now())).toBeLessThan(60_000);
    expect(second).toMatchObject({ id: binary.id, type: 'B', isJson: false });
    expect(Buffer.from((second?.data as Uint8Array | undefined) ?? [])).toEqual(Buffer.from([0, 255]));
  });

  it('shows what stream metadata lets it', async () => {
    const stream = `note-${randomUUID()}`;
    await client().appendToStream(stream, events(10));
    await client().setStreamMetadata(stream, { maxCount: 3 });
    expect(await revisions(stream, {})).toEqual([7, 8, 9]);
    await client().setStreamMetadata(stream, { truncateBefore: 9 });
    expect(await revisions(stream, {})).toEqual([9]);
  });
});

describe('reading $all', () => {
  it('goes forwards from a position inclusively, backwards exclusively, and refuses one inside a record', async () => {
    await client().appendToStream(`note-${randomUUID()}`, events(5));
    const forwards = (await all(client().readAll())).map((resolved) => resolved.event);
    const backwards = await all(client().readAll({ direction: BACKWARDS, fromPosition: END }));
    expect(backwards.map((resolved) => resolved.event?.id)).toEqual(forwards.map((one) => one?.id).reverse());
    const position = forwards[3]?.position as Position;
    const from = (options: object) =>
      all(client().readAll({ fromPosition: position, maxCount: 1, ...options }));
    expect((await from({}))[0]?.event?.id).toBe(forwards[3]?.id);
    expect((await from({ direction: BACKWARDS }))[0]?.event?.id).toBe(forwards[2]?.id);
    const inside = { commit: position.commit + 1n, prepare: position.prepare + 1n };
    await expect(from({ fromPosition: inside })).rejects.toThrow('InvalidPosition');
  });

  it('gives each event of an append a position of its own, commit and prepare alike', async () => {
    const stream = `note-${randomUUID()}`;
    const { position } = await client().appendToStream(stream, events(3));
    const positions = (await all(client().readStream(stream))).map((resolved) => resolved.event?.position);
    expect(new Set(positions.map((one) => one?.commit)).size).toBe(3);
    for (const one of positions) expect(one?.commit).toBe(one?.prepare);
    expect(positions.at(-1)).toEqual(position);
  });
});

/** Events of a subscription until it says that it has caught up, and its checkpoints. */
async function caughtUp(options: Parameters<ReturnType<typeof client>['subscribeToAll']>[0]) {
  const subscription = client().subscribeToAll(options);
  const types: string[] = [];
  subscription.on('data', (resolved) => types.push(resolved.event?.type ?? ''));
  await new Promise((resolve, reject) => subscription.once('caughtUp', resolve).once('error', reject));
  return { types, stop: () => subscription.unsubscribe() };
}

describe('a subscription', () => {
  it('to a stream begins behind a revision, catches up, goes on, and may come before the stream', async () => {
    const stream = `note-${randomUUID()}`;
    const seen: string[] = [];
    const early = client().subscribeToStream(stream);
    await new Promise((resolve) => early.once('caughtUp', resolve));
    early.on('data', (resolved) => seen.push(`early ${resolved.event?.revision}`));
    await client().appendToStream(stream, events(3));
    const late = client().subscribeToStream(stream, { fromRevision: 0n });
    late.on('data', (resolved) => seen.push(`late ${resolved.event?.revision}`));
    late.on('confirmation', () => seen.push('late confirmed'));
    await new Promise((resolve) => late.once('caughtUp', resolve));
    await client().appendToStream(stream, event(3));
    await new Promise<void>((resolve) => {
      late.on('data', ({ event: recorded }) => recorded?.revision === 3n && resolve());
    });
    expect(seen.filter((text) => text.startsWith('late'))).toEqual([
      'late confirmed',
      'late 1',
      'late 2',
      'late 3',
    ]);
    expect(seen.filter((text) => text.startsWith('early'))).toHaveLength(4);
    await Promise.all([early.unsubscribe(), late.unsubscribe()]);
  });

  it('to a tombstoned stream fails', async () => {
    const stream = `note-${randomUUID()}`;
    await client().appendToStream(stream, event(0));
    await client().tombstoneStream(stream);
    const failed = new Promise((resolve) => client().subscribeToStream(stream).once('error', resolve));
    expect(await failed).toBeInstanceOf(StreamDeletedError);
  });

  it('to $all takes every kind of filter', async () => {
    const tag = `t${randomUUID().slice(0, 8)}`;
    await client().appendToStream(`${tag}-a`, events(5, `${tag}.A`));
    await client().appendToStream(`${tag}-b`, events(2, `${tag}.B`));
    for (const [filter, count] of [
      [eventTypeFilter({ prefixes: [`${tag}.B`, 'no'] }), 2],
      [eventTypeFilter({ regex: `^${tag}\\.[AB]$` }), 7],
      [streamNameFilter({ prefixes: [tag] }), 7],
      [streamNameFilter({ regex: `^${tag}-a$` }), 5],
    ] as const) {
      const { types, stop } = await caughtUp({ filter });
      expect(types).toHaveLength(count);
      await stop();
    }
    const users = await caughtUp({ filter: excludeSystemEvents() });
    expect(users.types.some((type) => type.startsWith('$'))).toBe(false);
    await users.stop();
    const none = await caughtUp({ fromPosition: END });
    expect(none.types).toEqual([]);
    await none.stop();
  });

  it('sends checkpoints from which nothing is missed, where few events match', async () => {
    const tag = `t${randomUUID().slice(0, 8)}`;
    for (let append = 0; append < 5; append++) {
      await client().appendToStream(`noise-${tag}`, events(20));
      await client().appendToStream(`${tag}-a`, event(append, tag));
    }
    const checkpoints: [Position, number][] = [];
    let seen = 0;
    const filter = (checkpointReached?: (subscription: unknown, position: Position) => Promise<void>) =>
      streamNameFilter({ prefixes: [tag], maxSearchWindow: 10, checkpointInterval: 1, checkpointReached });
    const subscription = client().subscribeToAll({
      filter: filter(async (_, position) => {
        checkpoints.push([position, seen]);
      }),
    });
    subscription.on('data', () => {
      seen += 1;
    });
    await new Promise((resolve) => subscription.once('caughtUp', resolve));
    await subscription.unsubscribe();
    expect(checkpoints.length).toBeGreaterThan(10);
    for (const [fromPosition, before] of checkpoints) {
      const { types, stop } = await caughtUp({ fromPosition, filter: filter() });
      expect(types).toHaveLength(5 - before);
      await stop();
    }
  });
});
