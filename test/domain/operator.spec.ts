import { maxLiveOperatorKeys, operatorDecider } from '../../src/domain/operator.js';
import { operatorKeyIdSchema, operatorNameSchema } from '../../src/events/ids.js';
import type { OperatorEvent, OperatorRole } from '../../src/events/operator-events.js';
import { at, given } from './given.js';

const keyIdOf = (index: number) => operatorKeyIdSchema.parse(index.toString(16).padStart(12, '0'));
const operator = operatorNameSchema.parse('mina');

const issue = (index: number, role: OperatorRole = 'owner') =>
  ({ kind: 'issue', keyId: keyIdOf(index), operator, role, keyHash: 'a'.repeat(64) }) as const;
const revoke = (index: number) => ({ kind: 'revoke', keyId: keyIdOf(index), reason: 'left' }) as const;

const issued = (index: number, role: OperatorRole = 'owner'): OperatorEvent => {
  const { kind: _, ...key } = issue(index, role);
  return { type: 'OperatorKeyIssued', data: { ...key, issuedAt: at(0) } };
};
const revoked = (index: number): OperatorEvent => ({
  type: 'OperatorKeyRevoked',
  data: { keyId: keyIdOf(index), operator, reason: 'left', revokedAt: at(0) },
});
const past = (...history: OperatorEvent[]) => given(operatorDecider, history);

describe('the keys of operators', () => {
  it('are issued with a name, a role and a hash, each id once', () => {
    expect(past().when(issue(1, 'door'))).toEqual([issued(1, 'door')]);
    expect(past(issued(1)).when(issue(1))).toEqual([]);
    expect(past(issued(1), issued(2), revoked(1)).when(issue(1))).toEqual([]);
  });

  it('are revoked once, and only when there is such a key', () => {
    expect(past(issued(1), issued(2)).when(revoke(1))).toEqual([revoked(1)]);
    expect(past(issued(1), issued(2), revoked(1)).when(revoke(1))).toEqual([]);
    expect(past(issued(1)).when(revoke(2))).toBe('operator-key-unknown');
  });

  it('always contain an owner’s, once there was one', () => {
    expect(past(issued(1)).when(revoke(1))).toBe('last-owner-key');
    expect(past(issued(1), issued(2, 'auditor')).when(revoke(1))).toBe('last-owner-key');
    expect(past(issued(1), issued(2, 'auditor')).when(revoke(2))).toEqual([revoked(2)]);
    expect(past(issued(1, 'door')).when(revoke(1))).toEqual([revoked(1)]);
  });

  it('close the key of the environment with the first owner’s key, and for good', () => {
    expect(past(issued(1, 'box-office')).state.hasHadOwner).toBe(false);
    expect(past(issued(1)).state.hasHadOwner).toBe(true);
    expect(past(issued(1), issued(2), revoked(1), revoked(2)).state.hasHadOwner).toBe(true);
  });

  it('are bounded in number, revoked ones apart', () => {
    const many = Array.from({ length: maxLiveOperatorKeys }, (_, index) => issued(index));
    expect(past(...many).when(issue(10_000))).toBe('too-many-operator-keys');
    expect(past(...many, revoked(1)).when(issue(10_000))).toHaveLength(1);
  });

  it('that were revoked are remembered up to a number, the newest ones', () => {
    const history = Array.from({ length: 150 }, (_, index) => [issued(index), revoked(index)]).flat();
    const { state } = past(...history);
    expect(state.live.size).toBe(0);
    expect([...state.revoked.keys()]).toEqual(Array.from({ length: 100 }, (_, index) => keyIdOf(index + 50)));
  });

  it('are not changed by a second revocation in the log', () => {
    expect(past(issued(1), issued(2), revoked(1), revoked(1)).state).toEqual(
      past(issued(1), issued(2), revoked(1)).state,
    );
  });
});

describe('an operator’s name', () => {
  it.each(['mina', 'm', 'box-office.2', 'a_b'])('may be %j', (name) =>
    expect(operatorNameSchema.safeParse(name).success).toBe(true),
  );

  // Names are read in logs and audits: none may look like another or hide a part of a line.
  it.each(['', 'Mina', '민아', 'mіna', 'mi na', 'mina\n', 'mina\u202e', '-mina', 'mina-', 'x'.repeat(41)])(
    'may not be %j',
    (name) => expect(operatorNameSchema.safeParse(name).success).toBe(false),
  );
});
