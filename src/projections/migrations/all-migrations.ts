import { People1795000000001 } from './1795000000001-people.js';
import { Queues1795000000002 } from './1795000000002-queues.js';
import { Catalog1795000000003 } from './1795000000003-catalog.js';
import { Orders1795000000004 } from './1795000000004-orders.js';
import { PersonalKeys1795000000005 } from './1795000000005-personal-keys.js';
import { ProjectionOperations1795000000007 } from './1795000000007-projection-operations.js';
import { MadeFrom1795000000008 } from './1795000000008-made-from.js';

/** Oldest first; released migrations never change. */
export const allMigrations = [
  People1795000000001,
  Queues1795000000002,
  Catalog1795000000003,
  Orders1795000000004,
  PersonalKeys1795000000005,
  ProjectionOperations1795000000007,
  MadeFrom1795000000008,
];
