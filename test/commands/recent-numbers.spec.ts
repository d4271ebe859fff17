import { RecentNumbers } from '../../src/commands/queue/recent-numbers.js';
import { StreamRepository } from '../../src/commands/stream-repository.js';
import { InMemoryEventStore } from '../../src/event-store/in-memory-event-store.js';
import { type TokenId, tokenIdSchema } from '../../src/events/ids.js';
import { streams } from '../../src/events/streams.js';
import { deriveId } from '../../src/platform/derive-id.js';
import { ManualClock } from './manual-clock.js';
import { freshContext, performanceId, userNamed } from './theatre.js';

let repository: StreamRepository;
let numbers: RecentNumbers;
beforeEach(() => {
  repository = new StreamRepository(new InMemoryEventStore(), new ManualClock());
  numbers = new RecentNumbers(repository);
});

const tokenOf = (name: string): TokenId => tokenIdSchema.parse(deriveId('token of', name));

/** Another process gives a number. */
function give(name: string) {
  const data = { performanceId, tokenId: tokenOf(name), userId: userNamed(name), numberOfTickets: 1 };
  return repository.appendAny(streams.queue(performanceId), { type: 'TokenIssued', data }, freshContext());
}

describe('RecentNumbers', () => {
  it('takes the given number for the first one when the token was given no other', async () => {
    const before = await give('jun');
    await give('sora');
    const own = await give('mina');
    expect(await numbers.firstOf(tokenOf('mina'), performanceId, before.position, own.revision)).toBe(2);
  });

  it('finds an earlier number that another process has written', async () => {
    const before = await give('jun');
    await give('mina');
    await give('sora');
    const own = await give('mina');
    expect(await numbers.firstOf(tokenOf('mina'), performanceId, before.position, own.revision)).toBe(1);
  });

  it('finds the lowest of several earlier numbers', async () => {
    const before = await give('jun');
    await give('mina');
    await give('mina');
    const own = await give('mina');
    expect(await numbers.firstOf(tokenOf('mina'), performanceId, before.position, own.revision)).toBe(1);
  });

  it('finds an earlier number that becomes known while the log is read', async () => {
    const before = await give('jun');
    const first = await give('mina');
    const own = await give('mina');
    const looking = numbers.firstOf(tokenOf('mina'), performanceId, before.position, own.revision);
    numbers.add(performanceId, first.revision, { tokenId: tokenOf('mina'), position: first.position });
    expect(await looking).toBe(1);
  });

  it('does not look before the position', async () => {
    await give('mina');
    const before = await give('jun');
    const own = await give('mina');
    expect(await numbers.firstOf(tokenOf('mina'), performanceId, before.position, own.revision)).toBe(2);
  });

  it('finds a number behind some that are known and others that are not', async () => {
    const before = await give('jun');
    await give('mina');
    await give('sora');
    const known = await give('hana');
    numbers.add(performanceId, known.revision, { tokenId: tokenOf('hana'), position: known.position });
    await give('yuna');
    const own = await give('mina');
    expect(await numbers.firstOf(tokenOf('mina'), performanceId, before.position, own.revision)).toBe(1);
  });

  it('finds a number behind more others than it remembers', async () => {
    const before = await give('jun');
    await give('mina');
    for (let fan = 0; fan < 5_000; fan++) await give(`fan ${fan}`);
    const own = await give('mina');
    for (let again = 0; again < 2; again++) {
      expect(await numbers.firstOf(tokenOf('mina'), performanceId, before.position, own.revision)).toBe(1);
    }
  });
});
