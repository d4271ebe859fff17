import { sessionDecider } from '../../domain/session.js';
import { type SessionEpoch, type SessionOfEpoch, sessionHasEnded, userDecider } from '../../domain/user.js';
import type { UserId } from '../../events/ids.js';
import type { DomainEvent } from '../../events/registry.js';
import { streams } from '../../events/streams.js';
import type { StreamRepository } from '../stream-repository.js';

/** The session that an access token belongs to. */
export interface AccessSession extends SessionOfEpoch {
  readonly userId: UserId;
  /** When the token was issued; undefined in tokens of an earlier release. */
  readonly issuedAtMs: number | undefined;
}

/** What ended several sessions of a user at once. */
export type EndOfSessions = SessionEpoch | 'erased';

/** Whether a session is among those that ended. */
export function isAmong(ended: EndOfSessions, session: SessionOfEpoch): boolean {
  return ended === 'erased' || sessionHasEnded(ended, session);
}

/** Whether a session lives, from the streams of session and user. @throws {StoreUnavailable} */
export async function readIsLive(
  repository: Pick<StreamRepository, 'load'>,
  { sessionId, userId }: AccessSession,
): Promise<boolean> {
  const [session, user] = await Promise.all([
    repository.load(sessionDecider, streams.session(sessionId)),
    repository.load(userDecider, streams.user(userId)),
  ]);
  if (session.state.kind !== 'live' || user.state.kind !== 'registered') return false;
  return !sessionHasEnded(user.state.sessions, session.state);
}

/** Knows which sessions have ended while access tokens of them are not expired. */
export abstract class SessionCheck {
  /**
   * Whether the session lives and its user is not erased. A promise where that has to be read.
   * @throws {StoreUnavailable} by rejecting, when it has to be read and the log does not answer.
   */
  abstract isLive(session: AccessSession): boolean | Promise<boolean>;

  /** Takes in at once what a command of this process has written; events of other things are ignored. */
  abstract take(events: readonly DomainEvent[]): void;
}

class UncheckedSessions extends SessionCheck {
  isLive(): boolean {
    return true;
  }

  take(): void {
    // Nobody asks.
  }
}

/** For commands that are given without a server: there are no access tokens. */
export const uncheckedSessions: SessionCheck = new UncheckedSessions();
