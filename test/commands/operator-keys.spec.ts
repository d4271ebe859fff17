import { createHash } from 'node:crypto';
import { processContext } from '../../src/commands/command-context.js';
import { DeciderHandler } from '../../src/commands/decider-handler.js';
import {
  IssueOperatorKey,
  IssueOperatorKeyHandler,
  issueOperatorKeySchema,
  OperatorKeys,
  operatorKeysMaxAgeMs,
  RevokeOperatorKey,
  RevokeOperatorKeyHandler,
} from '../../src/commands/operators/operator-keys.js';
import { StreamRepository } from '../../src/commands/stream-repository.js';
import { InMemoryEventStore } from '../../src/event-store/in-memory-event-store.js';
import { StoreUnavailable } from '../../src/event-store/port.js';
import type { OperatorKeyId } from '../../src/events/ids.js';
import type { OperatorRole } from '../../src/events/operator-events.js';
import { ManualClock } from './manual-clock.js';

const environmentKey = 'key-of-the-environment-0123456789abcdef';

/** A process of the office: its knowledge of the keys is its own. */
function processOn(store: InMemoryEventStore, clock: ManualClock) {
  const repository = new StreamRepository(store, clock);
  const deciders = new DeciderHandler(repository, clock);
  const keys = new OperatorKeys(repository, environmentKey);
  return {
    keys,
    issue: (operator: string, role: OperatorRole) => {
      const input = issueOperatorKeySchema.parse({ operator, role });
      return new IssueOperatorKeyHandler(deciders).execute(
        new IssueOperatorKey(input, processContext('import')),
      );
    },
    revoke: (keyId: OperatorKeyId) => {
      const command = new RevokeOperatorKey(keyId, { reason: 'left' }, processContext('import'));
      return new RevokeOperatorKeyHandler(deciders).execute(command);
    },
  };
}

function office() {
  const clock = new ManualClock();
  const store = new InMemoryEventStore({ nowMs: () => clock.nowMs() });
  return { clock, store, here: processOn(store, clock), elsewhere: processOn(store, clock) };
}

describe('an operator’s key', () => {
  it('is known by its name and role, and its text is nowhere in the log', async () => {
    const { here, store } = office();
    const { key, keyId } = await here.issue('mina', 'box-office');
    expect(await here.keys.check(key)).toEqual({
      isValid: true,
      operator: 'mina',
      role: 'box-office',
      keyId,
    });
    const log = JSON.stringify(await store.readAll());
    expect(log).not.toContain(key.slice(-43));
    expect(log).toContain(createHash('sha256').update(key).digest('hex'));
  });

  it('has 256 random bits, and no two are alike', async () => {
    const { here } = office();
    const keys = await Promise.all(Array.from({ length: 20 }, () => here.issue('mina', 'door')));
    for (const { key } of keys) expect(key).toMatch(/^boxoffice-[0-9a-f]{12}-[A-Za-z0-9_-]{43}$/);
    expect(new Set(keys.map(({ key }) => key.slice(-43))).size).toBe(20);
    // What a configuration may contain as a bearer key.
    for (const { key } of keys) expect(key).toMatch(/^[A-Za-z0-9._~+/-]+=*$/);
  });

  it('opens nothing with another secret, or under another’s id', async () => {
    const { here } = office();
    const [mina, jun] = [await here.issue('mina', 'owner'), await here.issue('jun', 'door')];
    const mixed = jun.key.slice(0, 23) + mina.key.slice(23);
    const guess = `boxoffice-${mina.keyId}-${'A'.repeat(43)}`;
    for (const forged of [mixed, guess, `${mina.key}x`, mina.key.slice(0, -1), mina.key.toUpperCase(), '']) {
      expect(await here.keys.check(forged)).toEqual({ isValid: false, reason: 'unknown-key' });
    }
  });

  it('is refused at once by the process that revoked it, and within a second by any other', async () => {
    const { here, elsewhere, clock } = office();
    await here.issue('boss', 'owner');
    const { key, keyId } = await here.issue('mina', 'box-office');
    expect(await elsewhere.keys.check(key)).toMatchObject({ isValid: true });
    await here.revoke(keyId);
    const refused = { isValid: false, reason: 'revoked', operator: 'mina', keyId };
    expect(await here.keys.check(key)).toEqual(refused);
    clock.advance(operatorKeysMaxAgeMs + 1);
    expect(operatorKeysMaxAgeMs).toBeLessThanOrEqual(1_000);
    expect(await elsewhere.keys.check(key)).toEqual(refused);
  });

  it('is refused while the log cannot be read and what is known is old', async () => {
    const { here, store, clock } = office();
    const { key } = await here.issue('mina', 'box-office');
    expect(await here.keys.check(key)).toMatchObject({ isValid: true });
    jest.spyOn(store, 'readStream').mockRejectedValue(new StoreUnavailable('away'));
    clock.advance(operatorKeysMaxAgeMs + 1);
    await expect(here.keys.check(key)).rejects.toThrow(StoreUnavailable);
  });

  it('is checked with one read a second, however many ask', async () => {
    const { here, elsewhere, store, clock } = office();
    const { key } = await here.issue('mina', 'box-office');
    const reads = jest.spyOn(store, 'readStream');
    const askAtOnce = () =>
      Promise.all(
        Array.from({ length: 100 }, (_, index) => elsewhere.keys.check(index % 2 ? key : `${key}x`)),
      );
    await askAtOnce();
    await askAtOnce();
    expect(reads).toHaveBeenCalledTimes(1);
    clock.advance(operatorKeysMaxAgeMs + 1);
    await askAtOnce();
    expect(reads).toHaveBeenCalledTimes(2);
  });

  it('is not looked up when the text cannot be one', async () => {
    const { here, store } = office();
    const reads = jest.spyOn(store, 'readStream');
    expect(await here.keys.check('a guess')).toEqual({ isValid: false, reason: 'unknown-key' });
    expect(reads).not.toHaveBeenCalled();
  });

  it.each(['environment', 'data-folder'])('is not issued to the reserved name %s', (operator) => {
    expect(issueOperatorKeySchema.safeParse({ operator, role: 'owner' }).success).toBe(false);
  });
});

describe('the key of the environment', () => {
  it('stands for an owner until an owner’s key is issued by any process', async () => {
    const { here, elsewhere, clock } = office();
    const open = { isValid: true, operator: 'environment', role: 'owner', keyId: undefined };
    expect(await here.keys.check(environmentKey)).toEqual(open);
    await elsewhere.issue('mina', 'box-office');
    clock.advance(operatorKeysMaxAgeMs + 1);
    expect(await here.keys.check(environmentKey)).toEqual(open);
    await elsewhere.issue('boss', 'owner');
    clock.advance(operatorKeysMaxAgeMs + 1);
    expect(await here.keys.check(environmentKey)).toMatchObject({
      isValid: false,
      reason: 'environment-key-closed',
    });
  });

  it('is none where it is not set', async () => {
    const { store, clock } = office();
    const keys = new OperatorKeys(new StreamRepository(store, clock), undefined);
    for (const text of ['', 'undefined', environmentKey]) {
      expect(await keys.check(text)).toEqual({ isValid: false, reason: 'unknown-key' });
    }
  });
});
