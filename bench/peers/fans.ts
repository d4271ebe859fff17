import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { sessionIdSchema, userIdSchema } from '../../src/events/ids.js';
import type { TokenSigner } from '../../src/platform/token-signer.js';
import { RawClient } from '../http/raw-client.js';

/** A fan of either side, with the header lines of both tokens. */
export interface PeerFan {
  readonly headers: string;
}

const accessTtlMs = 900_000;
const askAgainMs = 50;
const joinedSchema = z.object({ queueToken: z.string() });

/** A fan with an access token but without a registration: neither side looks the fan up. */
export function newFan(signer: TokenSigner): PeerFan {
  const claims = { sub: userIdSchema.parse(randomUUID()), sid: sessionIdSchema.parse(randomUUID()) };
  return { headers: `Authorization: Bearer ${signer.access.sign(claims, accessTtlMs).value}\r\n` };
}

export const joinBody = JSON.stringify({ numberOfTickets: 1 });
export const json = 'Content-Type: application/json\r\n';

/** Brings fans through the queue, `atOnce` at a time. */
export async function bringIn(
  url: string,
  performanceId: string,
  signer: TokenSigner,
  count: number,
  atOnce = 32,
): Promise<PeerFan[]> {
  const path = `/v1/performances/${performanceId}/queue-token`;
  const fans: PeerFan[] = [];
  let left = count;
  const worker = async () => {
    const client = new RawClient(new URL(url));
    while (left-- > 0) {
      const { headers } = newFan(signer);
      const joined = await client.send('POST', path, headers + json, joinBody);
      const { queueToken } = joinedSchema.parse(JSON.parse(joined.body));
      const both = `${headers}X-Queue-Token: ${queueToken}\r\n`;
      for (;;) {
        const { status } = await client.send('POST', `${path}/enter`, both);
        if (status === 200) break;
        await delay(askAgainMs);
      }
      fans.push({ headers: both });
    }
    client.close();
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return fans;
}
