import { z } from 'zod';
import { instantSchema } from '../../../events/ids.js';

/** In a reply that may show the past. */
export const asOfField = {
  asOf: z
    .strictObject({
      position: z.number().int().describe('The last event taken into account.'),
      at: instantSchema,
    })
    .optional()
    .describe('Only in an answer to `at`: the moment it shows.'),
};
