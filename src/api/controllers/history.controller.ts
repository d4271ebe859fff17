import { Controller, Get, Inject, UseGuards } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import {
  HISTORIES,
  type Histories,
  type HistoryReply,
  type Related,
  type Viewer,
} from '../../analysis/history/port.js';
import { refuse } from '../../domain/rejection.js';
import {
  type OrderId,
  orderIdSchema,
  type PerformanceId,
  performanceIdSchema,
  type ScheduleId,
  type SeatId,
  scheduleIdSchema,
  seatIdSchema,
  type TokenId,
  tokenIdSchema,
} from '../../events/ids.js';
import type { Language, PageRequest } from '../../queries/replies/reply.js';
import { CurrentViewer, ViewerGuard } from '../guards.js';
import { pageQuery } from '../query-parameters.js';
import type { HistoryPage } from '../replies.js';
import { ReplyLanguage } from '../request.js';
import { ValidParam, ValidQuery } from '../validation.js';

/** What happened to an order, a seat or a place in the queue, and why: for fans and operators. */
@Controller('v1')
@UseGuards(ViewerGuard)
export class HistoryController {
  constructor(@Inject(HISTORIES) private readonly histories: Histories) {}

  @Get('orders/:orderId/history')
  @RouteConfig({ operatorsToo: ['box-office', 'auditor'] })
  async getOrderHistory(
    @CurrentViewer() viewer: Viewer,
    @ValidParam('orderId', orderIdSchema) orderId: OrderId,
    @ValidQuery(pageQuery) page: PageRequest,
    @ReplyLanguage() language: Language,
  ) {
    const history = await this.histories.whyOrder(orderId, { viewer, page, language });
    if (!history) throw refuse('order-unknown', 'You have no such order.');
    return historyReply(history);
  }

  @Get('schedules/:scheduleId/seats/:seatId/history')
  @RouteConfig({ operatorsToo: ['box-office', 'auditor'] })
  async getSeatHistory(
    @CurrentViewer() viewer: Viewer,
    @ValidParam('scheduleId', scheduleIdSchema) scheduleId: ScheduleId,
    @ValidParam('seatId', seatIdSchema) seatId: SeatId,
    @ValidQuery(pageQuery) page: PageRequest,
    @ReplyLanguage() language: Language,
  ) {
    const asked = { viewer, page, language };
    const history = await this.histories.whySeat(scheduleId, seatId, asked);
    if (!history) throw refuse('seat-unknown', 'There is no such seat on this date.');
    return historyReply(history);
  }

  @Get('performances/:performanceId/queue-tokens/:tokenId/history')
  @RouteConfig({ operatorsToo: ['box-office', 'auditor'] })
  async getQueueTokenHistory(
    @CurrentViewer() viewer: Viewer,
    @ValidParam('performanceId', performanceIdSchema) performanceId: PerformanceId,
    @ValidParam('tokenId', tokenIdSchema) tokenId: TokenId,
    @ValidQuery(pageQuery) page: PageRequest,
    @ReplyLanguage() language: Language,
  ) {
    const asked = { viewer, page, language };
    const history = await this.histories.whyQueueToken({ performanceId, tokenId }, asked);
    if (!history) throw refuse('token-unknown', 'You have no such place in this queue.');
    return historyReply(history);
  }
}

/** A history with links to the histories that say more. */
export function historyReply({ items, ...history }: HistoryReply): HistoryPage {
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
