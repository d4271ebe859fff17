import { randomUUID } from 'node:crypto';
import { streamPage } from '../../src/analysis/audit/stream-page.js';
import { Pay } from '../../src/commands/orders/pay.js';
import { InMemoryEventStore } from '../../src/event-store/in-memory-event-store.js';
import { streams } from '../../src/events/streams.js';
import { createCommandSide } from '../commands/box-office.js';
import { freshContext, hold, inside, openTheatre, scheduleId, seats } from '../commands/theatre.js';

const whole = { from: 0, limit: 100 };

async function soldSeat() {
  const side = createCommandSide();
  await openTheatre(side);
  const fan = await inside(side, 'ann', 1_000);
  const held = await hold(side, fan, seats('A-1'));
  await side.execute(new Pay(fan, { holdIds: [held.holdId] }, freshContext()));
  return { side, fan, held };
}

it('tells a seat’s life in words, with actor, reason and related streams', async () => {
  const { side, fan, held } = await soldSeat();
  const stream = `seat-${scheduleId}.A-1`;
  const page = await streamPage(side.store, stream, whole);
  expect(page?.entries.map(({ revision, type }) => [revision, type])).toEqual([
    [0, 'SeatHeld'],
    [1, 'SeatReserved'],
  ]);
  const [heldEntry, reservedEntry] = page?.entries ?? [];
  expect(heldEntry).toMatchObject({
    what: expect.stringContaining(`held for user ${fan.userId} at 100 points until`),
    actor: { kind: 'anonymous' },
    commandId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    correlationId: expect.any(String),
    causationId: expect.any(String),
    links: expect.arrayContaining([`token-${fan.tokenId}`, `wallet-${fan.userId}`]),
  });
  expect(heldEntry?.what).toContain(held.holdId);
  expect(heldEntry?.links).not.toContain(stream);
  const order = reservedEntry?.links.find((link) => link.startsWith('order-'));
  const placed = await streamPage(side.store, order ?? '', whole);
  expect(placed?.entries[0]?.links).toContain(stream);
});

it('shows a page at a time, and where the next one begins', async () => {
  const { side, fan } = await soldSeat();
  const stream = streams.token(fan.tokenId);
  const all = await streamPage(side.store, stream, whole);
  const count = all?.entries.length ?? 0;
  expect([count > 3, all?.next]).toEqual([true, null]);
  const first = await streamPage(side.store, stream, { from: 0, limit: 2 });
  expect(first).toMatchObject({ entries: all?.entries.slice(0, 2), next: 2 });
  const second = await streamPage(side.store, stream, { from: 2, limit: 100 });
  expect(second).toMatchObject({ entries: all?.entries.slice(2), next: null });
  expect(await streamPage(side.store, stream, { from: count, limit: 1 })).toMatchObject({ entries: [] });
});

it('knows of no stream that has no events', async () => {
  expect(await streamPage(new InMemoryEventStore(), 'order-nobody', whole)).toBeUndefined();
});

it('shows what it can of an event that cannot be read', async () => {
  const store = new InMemoryEventStore();
  await store.append('seat-x', 'none', [{ id: randomUUID(), type: 'Nonsense', data: {}, metadata: {} }]);
  expect(await streamPage(store, 'seat-x', whole)).toMatchObject({
    entries: [{ type: 'Nonsense', what: expect.stringContaining('cannot be read'), actor: null, links: [] }],
  });
});

it('tells no name, login id or password of a person', async () => {
  const store = new InMemoryEventStore();
  const userId = randomUUID();
  const person = {
    loginId: 'login-of-mina',
    username: 'nick-of-mina',
    name: 'Kim Mina',
    passwordHash: 'hash',
  };
  const metadata = { commandId: userId, occurredAt: '2026-11-01T09:00:00.000Z', schemaVersion: 1 };
  const data = { userId, ...person };
  await store.append(`user-${userId}`, 'none', [
    { id: randomUUID(), type: 'UserRegistered', data, metadata },
  ]);
  const told = JSON.stringify(await streamPage(store, `user-${userId}`, whole));
  expect(told).toContain('registered an account');
  for (const text of Object.values(person)) expect(told).not.toContain(text);
});
