import { randomUUID } from 'node:crypto';
import type { NewEvent } from '../../src/event-store/port.js';
import { toInstant, type UserId, userIdSchema } from '../../src/events/ids.js';
import { encodeEvent } from '../../src/events/registry.js';
import { PersonalKeys } from '../../src/personal-data/personal-keys.js';
import { InMemoryKeyTable } from './in-memory-key-table.js';

export const secret = 'the secret of the office in these tests';

export const newUserId = (): UserId => userIdSchema.parse(randomUUID());

/** What nobody may find after the person is erased. */
export const person = { loginId: 'mina.kim@example', username: 'Mina the fan', name: '김미나' } as const;

export function registered(
  userId: UserId,
  data: Partial<Record<keyof typeof person, string>> = {},
): NewEvent {
  const event = encodeEvent(
    { type: 'UserRegistered', data: { userId, ...person, ...data, passwordHash: '$argon2id$' } },
    {
      commandId: randomUUID(),
      correlationId: 'test',
      causationId: 'test',
      actor: { kind: 'anonymous' },
      occurredAt: toInstant(Date.parse('2026-11-22T09:00:00.000Z')),
    },
  );
  return { id: randomUUID(), ...event };
}

export async function keysInMemory(table = new InMemoryKeyTable()): Promise<PersonalKeys> {
  return PersonalKeys.open({ table, secret, beforeFirstUse: async () => undefined });
}
