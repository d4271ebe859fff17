/**
 * A handful of fans in a process of their own, who ask now and then while others flood the server: their process is
 * idle, so the times they see are the server's.
 */
import { z } from 'zod';
import { flood, type Player } from './flood.js';

/** What the process gets as its one message; it answers with a FloodResult when the time is over. */
export interface ProbeOrder {
  readonly url: string;
  readonly scheduleId: string;
  readonly players: readonly Player[];
  readonly seconds: number;
  readonly perSecond: number;
}

const fanSchema = z.object({ accessToken: z.string(), queueToken: z.string() });
const orderSchema = z.object({
  url: z.string(),
  scheduleId: z.string(),
  players: z.array(z.object({ fan: fanSchema, seatId: z.string() })),
  seconds: z.number(),
  perSecond: z.number(),
});
const connections = 10;

process.once('message', async (message) => {
  const { url, scheduleId, players, ...pace } = orderSchema.parse(message);
  const result = await flood(url, { scheduleId }, players.values(), { connections, ...pace });
  process.send?.(result);
  process.disconnect();
});
