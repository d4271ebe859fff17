import { createHash } from 'node:crypto';
import { openSqliteEventStore } from '../../src/event-store/sqlite/sqlite-event-store.js';
import {
  addMs,
  chargeIdSchema,
  type Instant,
  paymentIdSchema,
  sessionIdSchema,
  toInstant,
  type UserId,
  userIdSchema,
} from '../../src/events/ids.js';
import { type DomainEvent, encodeEvent } from '../../src/events/registry.js';
import { streams } from '../../src/events/streams.js';
import { ConcurrencyLimit } from '../../src/platform/concurrency-limit.js';
import { deriveId } from '../../src/platform/derive-id.js';

/** Points in every wallet. */
export const chargedPoints = 1_000_000;

const dayMs = 86_400_000;

/** Fans whose events are written at the same time: they share the disk's writes. */
const fansAtOnce = 1_000;

/** The same in every process, so that 200,000 ids need not be handed over. */
export function userIdOf(fan: number): UserId {
  return userIdSchema.parse(deriveId('on-sale bench', 'user', fan));
}

export function sessionIdOf(fan: number) {
  return sessionIdSchema.parse(deriveId('on-sale bench', 'session', fan));
}

/**
 * Writes the log of an office with `count` registered fans who have logged in and charged their wallets. Names are not encrypted, as in a
 * log from before names were encrypted, and the password hashes are not real, so no fan can log in. The payment system has no payment of the charges.
 * @param file of the embedded event store; made anew.
 * @returns events written.
 */
export async function registerFans(
  file: string,
  count: number,
  progress: (done: number) => void,
): Promise<number> {
  const store = await openSqliteEventStore({ file });
  try {
    const at = toInstant(Date.now() - 60_000);
    const limit = new ConcurrencyLimit(fansAtOnce);
    let events = 0;
    let done = 0;
    const register = async (fan: number) => {
      for (const [stream, batch] of eventsOf(fan, at)) {
        await store.append(stream, 'none', batch);
        events += batch.length;
      }
      done++;
      if (done % 10_000 === 0) progress(done);
    };
    await Promise.all(Array.from({ length: count }, (_, fan) => limit.run(() => register(fan))));
    return events;
  } finally {
    await store.close();
  }
}

function eventsOf(fan: number, at: Instant) {
  const userId = userIdOf(fan);
  const sessionId = sessionIdOf(fan);
  const loginId = `fan-${fan}`;
  const loginHash = createHash('sha256').update(loginId).digest('hex');
  const chargeId = chargeIdSchema.parse(deriveId('on-sale bench', 'charge', fan));
  const paymentId = paymentIdSchema.parse(`pay_${fan}`);
  const charge = { chargeId, userId, amount: chargedPoints };
  const person = { loginId, username: 'Fan', name: 'Fan', passwordHash: 'not a hash' };
  const paymentMethod = 'tok_bench';
  const steps: readonly (readonly [string, readonly DomainEvent[]])[] = [
    [streams.login(loginHash), [{ type: 'LoginClaimed', data: { userId } }]],
    [streams.user(userId), [{ type: 'UserRegistered', data: { userId, ...person } }]],
    [
      streams.charge(chargeId),
      [
        { type: 'ChargeRequested', data: { ...charge, paymentMethod } },
        { type: 'ChargeApproved', data: { ...charge, paymentId } },
      ],
    ],
    [
      streams.session(sessionId),
      [
        {
          type: 'SessionStarted',
          data: { sessionId, userId, epoch: 0, expiresAt: addMs(at, dayMs), endsAt: null },
        },
      ],
    ],
    [streams.wallet(userId), [{ type: 'PointsCharged', data: { ...charge, balance: chargedPoints } }]],
  ];
  const commandId = deriveId('on-sale bench', 'command', fan);
  const ids = { commandId, correlationId: commandId, causationId: commandId };
  const metadata = { ...ids, actor: { kind: 'user', userId }, occurredAt: at } as const;
  return steps.map(
    ([stream, events]) =>
      [
        stream,
        events.map((event, index) => ({
          id: deriveId('on-sale bench', stream, index),
          ...encodeEvent(event, metadata),
        })),
      ] as const,
  );
}
