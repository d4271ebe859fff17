import { z } from 'zod';
import { instantSchema, userIdSchema } from '../../../events/ids.js';
import type { historyReply } from '../../controllers/history.controller.js';
import { documented, sample } from '../operation.js';

export const history = documented(
  'History',
  z.strictObject({
    summary: z.string().describe('How it ended, in the language asked for.'),
    items: z.array(
      z.strictObject({
        position: z.number().int(),
        stream: z.string(),
        revision: z.number().int(),
        at: instantSchema.describe('When it was decided.'),
        type: z.string().describe('The event.'),
        actor: z.enum(['user', 'admin', 'process', 'anonymous']).describe('Who caused it.'),
        who: z
          .union([z.enum(['you', 'another person']), userIdSchema])
          .nullable()
          .describe('Whom it concerns. Only operators are told who others are.'),
        explanation: z.string().describe('In the language asked for (Accept-Language: ko or en).'),
        links: z.array(z.strictObject({ rel: z.enum(['order', 'seat', 'queue-token']), href: z.string() })),
      }),
    ),
    nextCursor: z.string().nullable().describe('Send it as `cursor` for the next page; null on the last.'),
  }) satisfies z.ZodType<ReturnType<typeof historyReply>>,
  {
    summary:
      'The seat is sold to another person. Your hold lapsed at 2026-11-22 09:05:00 UTC, before it was paid for, and another person held the seat at 2026-11-22 09:05:03 UTC.',
    items: [
      {
        position: 4711,
        stream: `seat-${sample.scheduleId}.A-1`,
        revision: 1,
        at: '2026-11-22T09:05:00.000Z',
        type: 'SeatHoldExpired',
        actor: 'process',
        who: 'you',
        explanation:
          'Your hold lapsed: its deadline 2026-11-22 09:05:00 UTC passed and no payment had taken the seat.',
        links: [],
      },
    ],
    nextCursor: null,
  },
);
