/** The on-sale that is played, and how long it takes at best. */
import { z } from 'zod';

/** What the crowd's process is told. Times are seconds unless named otherwise. */
export const storySchema = z.object({
  url: z.string(),
  secret: z.string(),
  performanceId: z.guid(),
  scheduleId: z.guid(),
  /** When the queue opens, ms since 1970. */
  opensAtMs: z.number(),
  fans: z.number().int(),
  seats: z.number().int(),
  /** Fans join evenly within so long; the queue opens in the middle of it. */
  joinSeconds: z.number(),
  admitPerSecond: z.number(),
  /** Of the fans, how many wait on the live stream; the others ask now and then. */
  streams: z.number().int(),
  /** Kept-alive connections that the fans who wait share for their requests. */
  connections: z.number().int(),
  /** Mean time a fan looks at the plan before holding seats, and at the order before paying. */
  thinkSeconds: z.number(),
  /** Longest pause between two questions for the own place. */
  pollSeconds: z.number(),
});
export type Story = z.infer<typeof storySchema>;

/** Seats each fan wants. */
export const seatsPerFan = 2;

/**
 * The shortest time from the opening to the last payment: the pace lets the last buyer in after
 * `(buyers − 1) / admitPerSecond`, and a fan takes two times of thinking, to choose and to pay.
 */
export function idealSeconds({
  seats,
  admitPerSecond,
  thinkSeconds,
}: Pick<Story, 'seats' | 'admitPerSecond' | 'thinkSeconds'>): number {
  const buyers = Math.ceil(seats / seatsPerFan);
  return (buyers - 1) / admitPerSecond + 2 * thinkSeconds;
}
