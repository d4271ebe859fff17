import type { UserId } from '../events/ids.js';
import type { UserRow } from '../projections/account.js';
import type { QueryContext } from './context.js';
import type { UserReply } from './replies.js';
import { selectFirst } from './select.js';

/** A fan's account; null when unknown or erased. */
export async function getUser({ db }: QueryContext, userId: UserId): Promise<UserReply | null> {
  const row = await selectFirst<UserRow>(db, 'SELECT * FROM users WHERE user_id = ?', [userId]);
  if (!row) return null;
  return {
    userId: row.user_id,
    loginId: row.login_id,
    username: row.username,
    name: row.name,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
