import type { UserId } from '../../events/ids.js';
import { defineTable, instant, type RowOf, uuid, varchar } from '../engine/table.js';

export const usersTable = defineTable('users', {
  columns: {
    user_id: uuid<UserId>(),
    login_id: varchar(30),
    username: varchar(50),
    name: varchar(100),
    created_at: instant(),
    updated_at: instant(),
  },
  key: ['user_id'],
  indexes: [['login_id']],
});
export type UserRow = RowOf<typeof usersTable>;
