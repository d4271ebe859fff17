import { randomUUID } from 'node:crypto';
import type { ReadyFan, Sale } from './fans.js';
import type { HoldRequest } from './load.js';

/** Every fan holds `holdsPerFan` seats, one a request, no seat twice. */
export function* holdsOf(sale: Sale, fans: readonly ReadyFan[], holdsPerFan: number): Generator<HoldRequest> {
  const path = `/v1/schedules/${sale.scheduleId}/holds`;
  let seat = 0;
  for (let round = 0; round < holdsPerFan; round++) {
    for (const { accessToken, queueToken } of fans) {
      const seatId = sale.seatIds[seat++];
      if (seatId === undefined) return;
      const body = JSON.stringify({ seatIds: [seatId] });
      const headers = {
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(body)),
        authorization: `Bearer ${accessToken}`,
        'x-queue-token': queueToken,
        'idempotency-key': randomUUID(),
      };
      yield { path, headers, body };
    }
  }
}
