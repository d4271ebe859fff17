import { DeciderHandler } from '../../src/commands/decider-handler.js';
import { StreamRepository } from '../../src/commands/stream-repository.js';
import { tokenDecider } from '../../src/domain/token.js';
import { walletDecider } from '../../src/domain/wallet.js';
import { InMemoryEventStore } from '../../src/event-store/in-memory-event-store.js';
import { type EventStore, StoreBusy, StoreUnavailable } from '../../src/event-store/port.js';
import {
  chargeIdSchema,
  holdIdSchema,
  orderIdSchema,
  performanceIdSchema,
  tokenIdSchema,
} from '../../src/events/ids.js';
import { streams } from '../../src/events/streams.js';
import { deriveId } from '../../src/platform/derive-id.js';
import { HookedStore } from './crashing-store.js';
import { ManualClock } from './manual-clock.js';
import { contextOf, freshContext, scheduleId, seats, userNamed } from './theatre.js';

const userId = userNamed('mina');
const wallet = streams.wallet(userId);
const credit = (name: string, amount: number) =>
  ({ kind: 'credit', userId, chargeId: chargeIdSchema.parse(deriveId('charge', name)), amount }) as const;
const spend = (name: string, amount: number) =>
  ({ kind: 'spend', userId, orderId: orderIdSchema.parse(deriveId('order', name)), amount }) as const;

const clock = new ManualClock();

interface Office {
  readonly repository: StreamRepository;
  readonly deciders: DeciderHandler;
}

/** One process on a store, with a cache of its own. */
function officeOn(store: EventStore, options: { readonly isOnlyWriter?: boolean } = {}): Office {
  const repository = new StreamRepository(store, clock, options);
  return { repository, deciders: new DeciderHandler(repository, clock) };
}

let store: InMemoryEventStore;
let office: Office;
beforeEach(() => {
  store = new InMemoryEventStore();
  office = officeOn(store);
});

describe('DeciderHandler', () => {
  it('decides again on what the winner wrote when another process was faster', async () => {
    const other = officeOn(store);
    await office.deciders.execute(walletDecider, wallet, credit('a', 100), freshContext());
    await other.deciders.execute(walletDecider, wallet, spend('x', 70), freshContext());
    const late = await office.deciders.execute(walletDecider, wallet, spend('y', 70), freshContext());
    expect(late).toMatchObject({ kind: 'rejected', rejection: { code: 'insufficient-points' } });
    expect(await store.readStream(wallet)).toHaveLength(2);
  });

  it('never rejects on a cached state that the store has moved past', async () => {
    const other = officeOn(store);
    const refused = await office.deciders.execute(walletDecider, wallet, spend('x', 10), freshContext());
    expect(refused.kind).toBe('rejected');
    await other.deciders.execute(walletDecider, wallet, credit('a', 10), freshContext());
    const paid = await office.deciders.execute(walletDecider, wallet, spend('x', 10), freshContext());
    expect(paid).toMatchObject({ kind: 'accepted', state: { balance: 0 } });
  });

  it('says "already done" only after asking the store', async () => {
    const other = officeOn(store);
    await office.deciders.execute(walletDecider, wallet, credit('a', 100), freshContext());
    await other.deciders.execute(walletDecider, wallet, spend('x', 30), freshContext());
    const repeated = await office.deciders.execute(walletDecider, wallet, credit('a', 100), freshContext());
    expect(repeated).toMatchObject({ kind: 'accepted', events: [], revision: 1, state: { balance: 70 } });
  });

  it('gives a repeated attempt the same event ids, and another revision others', async () => {
    const context = contextOf('same');
    await office.deciders.execute(walletDecider, wallet, credit('a', 1), context);
    await office.deciders.execute(walletDecider, wallet, credit('b', 1), context);
    const twin = new InMemoryEventStore();
    await officeOn(twin).deciders.execute(walletDecider, wallet, credit('a', 1), context);
    const [first, second] = await store.readStream(wallet);
    const [same] = await twin.readStream(wallet);
    expect(same?.id).toBe(first?.id);
    expect(second?.id).not.toBe(first?.id);
  });

  it('writes complete metadata with the moment of the decision', async () => {
    const context = { ...contextOf('m'), actor: { kind: 'user', userId } } as const;
    await office.deciders.execute(walletDecider, wallet, credit('a', 1), context);
    const [event] = await store.readStream(wallet);
    expect(event?.metadata).toEqual({ ...context, occurredAt: clock.now(), schemaVersion: 1 });
  });

  it('dates events at the moment that decided them, even when the clock moves on meanwhile', async () => {
    let ticks = 0;
    const ticking = { now: () => new ManualClock(`2026-01-01T00:00:00.00${ticks++}Z`).now(), nowMs: () => 0 };
    const decidedAt: string[] = [];
    const spying = {
      ...walletDecider,
      decide: (...[command, state, now]: Parameters<typeof walletDecider.decide>) => {
        decidedAt.push(now);
        return walletDecider.decide(command, state, now);
      },
    };
    await new DeciderHandler(new StreamRepository(store, ticking), ticking).execute(
      spying,
      wallet,
      credit('a', 1),
      freshContext(),
    );
    const [event] = await store.readStream(wallet);
    expect(event?.metadata).toMatchObject({ occurredAt: decidedAt.at(-1) });
  });

  it('gives up as busy after a bounded number of lost races, having written nothing', async () => {
    const rival = officeOn(store);
    let appends = 0;
    const raced = new HookedStore(store, {
      async before() {
        appends++;
        await rival.deciders.execute(walletDecider, wallet, credit(`rival ${appends}`, 1), freshContext());
      },
    });
    const outcome = await officeOn(raced).deciders.execute(
      walletDecider,
      wallet,
      credit('mine', 1),
      freshContext(),
    );
    expect(outcome).toMatchObject({ kind: 'rejected', rejection: { code: 'busy' } });
    expect(appends).toBe(32);
    expect(await store.readStream(wallet)).toHaveLength(32);
  });

  it('lets every one of many concurrent commands on one stream through, each once', async () => {
    const names = Array.from({ length: 20 }, (_, n) => `c${n}`);
    const outcomes = await Promise.all(
      names.map((name) => office.deciders.execute(walletDecider, wallet, credit(name, 1), freshContext())),
    );
    expect(outcomes.map(({ kind }) => kind)).toEqual(names.map(() => 'accepted'));
    const { state } = await office.repository.load(walletDecider, wallet);
    expect(state.balance).toBe(20);
  });

  it('reads only what was appended since the last time', async () => {
    const reads: unknown[] = [];
    const spied = new InMemoryEventStore();
    const original = spied.readStream.bind(spied);
    spied.readStream = async (...args) => {
      const page = await original(...args);
      reads.push(page.length);
      return page;
    };
    const writer = officeOn(spied);
    const reader = officeOn(spied);
    for (const name of ['a', 'b', 'c'])
      await writer.deciders.execute(walletDecider, wallet, credit(name, 1), freshContext());
    await reader.repository.load(walletDecider, wallet);
    await writer.deciders.execute(walletDecider, wallet, credit('d', 1), freshContext());
    reads.length = 0;
    const { state, revision } = await reader.repository.load(walletDecider, wallet);
    expect({ reads, balance: state.balance, revision }).toEqual({ reads: [1], balance: 4, revision: 3 });
  });

  it('reads nothing twice as the only writer, and still decides on its own latest state', async () => {
    let reads = 0;
    const original = store.readStream.bind(store);
    store.readStream = (...args) => {
      reads++;
      return original(...args);
    };
    const alone = officeOn(store, { isOnlyWriter: true });
    await alone.deciders.execute(walletDecider, wallet, credit('a', 10), freshContext());
    const refused = await alone.deciders.execute(walletDecider, wallet, spend('x', 11), freshContext());
    expect(refused).toMatchObject({ kind: 'rejected', state: { balance: 10 } });
    expect((await alone.repository.load(walletDecider, wallet)).state.balance).toBe(10);
    expect(reads).toBe(1);
  });

  it('reads a stream again after an append of unknown outcome, even as the only writer', async () => {
    let isLost = false;
    const losing = new HookedStore(store, {
      after() {
        if (isLost) throw new StoreUnavailable('the reply was lost');
      },
    });
    const alone = officeOn(losing, { isOnlyWriter: true });
    await alone.deciders.execute(walletDecider, wallet, credit('a', 100), freshContext());
    isLost = true;
    const lost = alone.deciders.execute(walletDecider, wallet, credit('b', 50), freshContext());
    await expect(lost).rejects.toBeInstanceOf(StoreUnavailable);
    isLost = false;
    expect((await alone.repository.load(walletDecider, wallet)).state.balance).toBe(150);
  });

  describe('as the only writer, when many appends fail', () => {
    let reads: string[];
    /** What the next append of a stream fails with. */
    let failure: Error | undefined;
    let alone: Office;
    beforeEach(() => {
      reads = [];
      failure = undefined;
      const read = store.readStream.bind(store);
      store.readStream = (stream, ...options) => {
        reads.push(stream);
        return read(stream, ...options);
      };
      const failing = new HookedStore(store, {
        before() {
          if (failure) throw failure;
        },
      });
      alone = officeOn(failing, { isOnlyWriter: true });
    });
    const fanOf = (n: number) => userNamed(`fan ${n}`);
    const creditOf = (n: number) =>
      alone.deciders.execute(
        walletDecider,
        streams.wallet(fanOf(n)),
        { ...credit(`${n}`, 1), userId: fanOf(n) },
        freshContext(),
        { isLikelyNew: true },
      );
    const failOn = async (fans: number, error: Error) => {
      failure = error;
      for (let n = 0; n < fans; n++) await expect(creditOf(n)).rejects.toBe(error);
      failure = undefined;
      reads.length = 0;
    };

    it('still trusts its cache after more than ten thousand that were refused as too many', async () => {
      await alone.deciders.execute(walletDecider, wallet, credit('a', 10), freshContext());
      await failOn(10_001, new StoreBusy('too many appends are waiting'));
      await alone.deciders.execute(walletDecider, wallet, spend('x', 11), freshContext());
      await alone.repository.load(walletDecider, wallet);
      expect(reads).toEqual([]);
    });

    it('still trusts its cache of a stream whose append was refused as one too many', async () => {
      const more = (name: string) =>
        alone.deciders.execute(walletDecider, wallet, credit(name, 10), freshContext());
      await more('a');
      failure = new StoreBusy('too many appends are waiting');
      await expect(more('b')).rejects.toBe(failure);
      failure = undefined;
      reads.length = 0;
      await alone.repository.load(walletDecider, wallet);
      expect(reads).toEqual([]);
    });

    it('still trusts its cache after more than ten thousand of unknown outcome, but not about those streams', async () => {
      await alone.deciders.execute(walletDecider, wallet, credit('a', 10), freshContext());
      await failOn(10_001, new StoreUnavailable('the reply was lost'));
      await alone.repository.load(walletDecider, wallet);
      expect(reads).toEqual([]);
      for (const n of [0, 1, 10_000]) await alone.repository.load(walletDecider, streams.wallet(fanOf(n)));
      expect(reads).toEqual([0, 1, 10_000].map((n) => streams.wallet(fanOf(n))));
      // The first of them is the one too many: read once more, it counts as settled.
      reads.length = 0;
      for (const n of [0, 1]) await alone.repository.load(walletDecider, streams.wallet(fanOf(n)));
      expect(reads).toEqual([streams.wallet(fanOf(1))]);
    });

    it('trusts its cache of a stream again once the append of unknown outcome can no longer be written', async () => {
      await failOn(1, new StoreUnavailable('the reply was lost'));
      const stream = streams.wallet(fanOf(0));
      // Nothing is there, but it may still come.
      for (let n = 0; n < 2; n++) await alone.repository.load(walletDecider, stream);
      expect(reads).toEqual([stream, stream]);
      await creditOf(0);
      reads.length = 0;
      await alone.repository.load(walletDecider, stream);
      expect(reads).toEqual([]);
    });
  });

  it('takes a stream that is not cached for new when told so, and reads it when the append is refused', async () => {
    await office.deciders.execute(walletDecider, wallet, credit('a', 10), freshContext());
    const guessing = officeOn(store, { isOnlyWriter: true });
    const paid = await guessing.deciders.execute(walletDecider, wallet, credit('b', 5), freshContext(), {
      isLikelyNew: true,
    });
    expect(paid).toMatchObject({ kind: 'accepted', state: { balance: 15 }, revision: 1 });
    const refusing = officeOn(store, { isOnlyWriter: true });
    const refused = await refusing.deciders.execute(walletDecider, wallet, spend('x', 10), freshContext(), {
      isLikelyNew: true,
    });
    expect(refused).toMatchObject({ kind: 'accepted', state: { balance: 5 } });
  });

  it('serves a copy no older than asked, and looks again one millisecond later', async () => {
    const other = officeOn(store);
    await office.repository.load(walletDecider, wallet);
    await other.deciders.execute(walletDecider, wallet, credit('a', 5), freshContext());
    clock.advance(1000);
    const copy = await office.repository.load(walletDecider, wallet, { maxAgeMs: 1000 });
    expect(copy.state.balance).toBe(0);
    clock.advance(1);
    const fresh = await office.repository.load(walletDecider, wallet, { maxAgeMs: 1000 });
    expect(fresh.state.balance).toBe(5);
  });

  it.each([undefined, 1000])(
    'looks again when the clock has been set back (age asked: %s)',
    async (maxAgeMs) => {
      const other = officeOn(store);
      await office.repository.load(walletDecider, wallet);
      await other.deciders.execute(walletDecider, wallet, credit('a', 5), freshContext());
      clock.advance(-2000);
      const options = maxAgeMs === undefined ? {} : { maxAgeMs };
      expect((await office.repository.load(walletDecider, wallet, options)).state.balance).toBe(5);
    },
  );
});

describe('a retry of an append that was written but never acknowledged', () => {
  const tokenId = tokenIdSchema.parse(deriveId('token'));
  const token = streams.token(tokenId);
  const performanceId = performanceIdSchema.parse(deriveId('performance'));
  const request = {
    kind: 'request',
    tokenId,
    userId,
    performanceId,
    entry: 0,
    numberOfTickets: 1,
    seatLimit: 4,
  } as const;
  const requestSeats = (name: string) =>
    ({
      kind: 'request-seats',
      holdId: holdIdSchema.parse(deriveId('hold')),
      scheduleId,
      seatIds: seats(name),
      request: { kind: 'seats' },
      holdTtlMs: 60_000,
      admission: {
        place: 0,
        admittedAt: clock.now(),
        claimUntil: new ManualClock('2027-01-01T00:00:00.000Z').now(),
        serviceWindowMs: 600_000,
      },
    }) as const;

  it('knows the deadline that was recorded, not the one it would give now', async () => {
    const context = contextOf('hold');
    await office.deciders.execute(tokenDecider, token, request, freshContext());
    const stale = officeOn(store);
    await stale.repository.load(tokenDecider, token);
    await office.deciders.execute(tokenDecider, token, requestSeats('A-1'), context);
    clock.advance(5_000);
    const retried = await stale.deciders.execute(tokenDecider, token, requestSeats('A-1'), context);
    const recorded = await officeOn(store).repository.load(tokenDecider, token);
    expect(retried).toMatchObject({ kind: 'accepted', events: [] });
    expect(retried.state).toEqual(recorded.state);
  });

  it('is refused when the same command id asks for something else', async () => {
    const context = contextOf('hold');
    await office.deciders.execute(tokenDecider, token, request, freshContext());
    const stale = officeOn(store);
    await stale.repository.load(tokenDecider, token);
    await office.deciders.execute(tokenDecider, token, requestSeats('A-1'), context);
    const other = await stale.deciders.execute(tokenDecider, token, requestSeats('B-1'), context);
    expect(other).toMatchObject({ kind: 'rejected', rejection: { code: 'idempotency-key-reused' } });
  });
});
