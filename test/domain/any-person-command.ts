import fc from 'fast-check';
import type { OperatorCommand } from '../../src/domain/operator.js';
import type { SessionCommand } from '../../src/domain/session.js';
import type { UserCommand } from '../../src/domain/user.js';
import {
  operatorKeyIdSchema,
  operatorNameSchema,
  sessionIdSchema,
  type UserId,
  userIdSchema,
} from '../../src/events/ids.js';
import { operatorRoles } from '../../src/events/operator-events.js';
import { at, named } from './given.js';

const userId = named(userIdSchema, 'mina');
const hashes = fc.constantFrom('hash-1', 'hash-2', 'hash-3');

const sessions = fc.record({
  sessionId: fc.constantFrom('a', 'b').map((name) => named(sessionIdSchema, name)),
  epoch: fc.nat({ max: 2 }),
});

export const userCommands: fc.Arbitrary<UserCommand> = fc.oneof(
  fc.record({
    kind: fc.constant('register' as const),
    userId: fc.constant(userId),
    loginId: fc.constantFrom('mina', 'jun'),
    username: fc.constant('Mina'),
    name: fc.constant('Kim Mina'),
    passwordHash: hashes,
  }),
  fc.record({
    kind: fc.constant('change-password' as const),
    passwordHash: hashes,
    verifiedHash: hashes,
    session: sessions,
  }),
  fc.record({
    kind: fc.constant('end-other-sessions' as const),
    session: sessions,
    // As it was read, it is never ahead of the stream.
    seenEpoch: fc.constant(0),
  }),
  fc.constant({ kind: 'erase' as const }),
);

export const loginCommands: fc.Arbitrary<{ readonly userId: UserId }> = fc
  .constantFrom('mina', 'jun', 'sora')
  .map((name) => ({ userId: named(userIdSchema, name) }));

const keyIds = fc
  .constantFrom('000000000001', '000000000002', '000000000003')
  .map((id) => operatorKeyIdSchema.parse(id));

export const operatorCommands: fc.Arbitrary<OperatorCommand> = fc.oneof(
  fc.record({
    kind: fc.constant('issue' as const),
    keyId: keyIds,
    operator: fc.constantFrom('mina', 'jun').map((name) => operatorNameSchema.parse(name)),
    role: fc.constantFrom(...operatorRoles),
    keyHash: fc.constant('a'.repeat(64)),
  }),
  fc.record({ kind: fc.constant('revoke' as const), keyId: keyIds, reason: fc.constant('left') }),
);

const moments = fc.nat({ max: 8_000 }).map(at);

export const sessionCommands: fc.Arbitrary<SessionCommand> = fc.oneof(
  moments.map((expiresAt) => ({
    kind: 'start' as const,
    sessionId: named(sessionIdSchema, 'a'),
    userId,
    epoch: 0,
    expiresAt,
    endsAt: at(6_000),
  })),
  fc.record({
    kind: fc.constant('refresh' as const),
    generation: fc.nat({ max: 4 }),
    expiresAt: moments,
    endsAt: moments,
  }),
  fc.constantFrom(
    { kind: 'end' as const, reason: 'logout' as const },
    { kind: 'end' as const, reason: 'ended-elsewhere' as const },
  ),
);
