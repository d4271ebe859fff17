import { usersProjection } from './account.js';
import { catalogProjection } from './catalog/projection.js';
import { checkpointsTable } from './engine/checkpoints.js';
import type { Projection } from './engine/projection.js';
import type { Table } from './engine/table.js';
import { ordersProjection } from './orders.js';
import { tokensProjection } from './queue.js';
import { rebuildsTable } from './rebuild/rebuild-record.js';
import { sessionsProjection } from './tokens/sessions-projection.js';
import { walletsProjection } from './wallet.js';

/** Every read model's projection. */
export const allProjections: readonly Projection[] = [
  usersProjection,
  sessionsProjection,
  walletsProjection,
  tokensProjection,
  catalogProjection,
  ordersProjection,
];

/** Every table of the read models' database. */
export const allTables: readonly Table[] = [
  checkpointsTable,
  rebuildsTable,
  ...allProjections.flatMap((projection) => projection.tables),
];
