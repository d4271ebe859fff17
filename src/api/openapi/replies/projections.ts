import { z } from 'zod';
import { instantSchema } from '../../../events/ids.js';
import { projectionStateNames } from '../../projection-operations.js';
import { documented } from '../operation.js';

const positionOrNone = z.number().int().min(-1);

export const projectionsReport = documented(
  'ProjectionsReport',
  z.strictObject({
    headPosition: positionOrNone.describe('The log’s newest position; -1 in an empty log.'),
    projections: z.array(
      z.strictObject({
        name: z.string(),
        state: z
          .enum(projectionStateNames)
          .describe(
            '`outdated`: another version built its tables, rebuild it. `swapping`: a rebuild takes its place now.',
          ),
        version: z.number().int().describe('Of this build.'),
        tablesVersion: z.number().int().describe('That built the tables.'),
        position: positionOrNone.describe('-1 before the first event.'),
        lagPositions: z.number().int().min(0).describe('Events in the embedded log, bytes in EventStoreDB.'),
        lagSeconds: z.number().min(0).describe('Age of the oldest event it has not seen; 0 when none.'),
        pausedAt: instantSchema.nullable(),
        parked: z
          .strictObject({
            error: z.string(),
            event: z
              .strictObject({
                type: z.string(),
                stream: z.string(),
                revision: z.number().int(),
                position: z.number().int(),
              })
              .nullable()
              .describe('Null when the rows of several events were refused together.'),
          })
          .nullable(),
      }),
    ),
  }),
  {
    headPosition: 4711,
    projections: [
      {
        name: 'orders',
        state: 'parked',
        version: 1,
        tablesVersion: 1,
        position: 4705,
        lagPositions: 6,
        lagSeconds: 12.5,
        pausedAt: null,
        parked: {
          error: 'projection orders cannot apply OrderPaid at position 4706: the order is not there',
          event: { type: 'OrderPaid', stream: 'order-a3d7e8f9', revision: 1, position: 4706 },
        },
      },
    ],
  },
);
