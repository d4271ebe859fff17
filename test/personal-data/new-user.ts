import { randomUUID } from 'node:crypto';
import type { NewEvent } from '../../src/event-store/port.js';
import { toInstant, type UserId, userIdSchema } from '../../src/events/ids.js';
import { encodeEvent } from '../../src/events/registry.js';
import type { KeyTable } from '../../src/personal-data/key-tables.js';
import { PersonalKeys } from '../../src/personal-data/personal-keys.js';

export const secret = { current: 'the secret of the office in these tests' };

export const newUserId = (): UserId => userIdSchema.parse(randomUUID());

/** Must not be found after the user was erased. */
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

/** Keys that live as long as the test; `undefined` marks a destroyed one. */
export class InMemoryKeyTable implements KeyTable {
  readonly rows = new Map<UserId, Buffer | undefined>();
  /** Users asked for, call by call. */
  readonly asked: (readonly UserId[])[] = [];
  /** Set it, and every call fails. */
  failure: Error | undefined;

  async find(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, Buffer>> {
    if (this.failure) throw this.failure;
    this.asked.push(userIds);
    return new Map(
      userIds.flatMap((userId) => {
        const key = this.rows.get(userId);
        return key ? [[userId, key]] : [];
      }),
    );
  }

  async known(userIds: readonly UserId[]): Promise<ReadonlySet<UserId>> {
    if (this.failure) throw this.failure;
    return new Set(userIds.filter((userId) => this.rows.has(userId)));
  }

  async add(userId: UserId, wrappedKey: Buffer): Promise<Buffer | undefined> {
    if (this.failure) throw this.failure;
    if (!this.rows.has(userId)) this.rows.set(userId, wrappedKey);
    return this.rows.get(userId);
  }

  async page(after: UserId | undefined, limit: number): Promise<ReadonlyMap<UserId, Buffer>> {
    if (this.failure) throw this.failure;
    const live = [...this.rows].flatMap(([userId, key]) =>
      key && userId > (after ?? '') ? [[userId, key] as const] : [],
    );
    return new Map(live.sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, limit));
  }

  async replace(userId: UserId, from: Buffer, to: Buffer): Promise<void> {
    if (this.failure) throw this.failure;
    if (this.rows.get(userId)?.equals(from)) this.rows.set(userId, to);
  }

  async destroy(userId: UserId): Promise<void> {
    if (this.failure) throw this.failure;
    this.rows.set(userId, undefined);
  }

  async close(): Promise<void> {}
}
