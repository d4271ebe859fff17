import type { HistoryReply, Related } from '../analysis/history/port.js';

/** A history with links to the histories that say more. */
export function historyReply({ items, ...history }: HistoryReply) {
  return {
    ...history,
    items: items.map(({ related, ...entry }) => ({
      ...entry,
      links: related.map((to) => ({ rel: to.kind, href: pathOf(to) })),
    })),
  };
}

function pathOf(related: Related): string {
  switch (related.kind) {
    case 'order':
      return `/v1/orders/${related.orderId}/history`;
    case 'seat':
      return `/v1/schedules/${related.scheduleId}/seats/${encodeURIComponent(related.seatId)}/history`;
    case 'queue-token':
      return `/v1/performances/${related.performanceId}/queue-tokens/${related.tokenId}/history`;
  }
}
