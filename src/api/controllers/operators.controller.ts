import { Body, Controller, Get, HttpCode, Inject, Post, Req, Res, UseGuards } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { auditLog } from '../../analysis/audit/auditor.js';
import type { AuditReport } from '../../analysis/audit/checks.js';
import { BoardFeeds } from '../../boards/board-feeds.js';
import { EraseUser, eraseUserSchema } from '../../commands/account/erase-user.js';
import {
  CancelPerformance,
  CancelSchedule,
  cancelScheduleSchema,
  OpenRefundWindow,
  openRefundWindowSchema,
} from '../../commands/catalog/cancel-schedule.js';
import { ImportRefused } from '../../commands/catalog/check-import.js';
import { ImportCatalog } from '../../commands/catalog/import-catalog.js';
import { RefundOrder, refundOrderSchema } from '../../commands/orders/cancel-order.js';
import { refuse } from '../../domain/rejection.js';
import { EventStore } from '../../event-store/port.js';
import {
  type OrderId,
  orderIdSchema,
  type PerformanceId,
  performanceIdSchema,
  type ScheduleId,
  scheduleIdSchema,
} from '../../events/ids.js';
import {
  type FeedOptions,
  feedFormats,
  feedOptionsSchema,
  maxFeedBytes,
  type ProblemReport,
  withProblems,
} from '../../integrations/feeds/feed.js';
import { parseFeedBytes } from '../../integrations/feeds/parse-feed.js';
import { Clock } from '../../platform/clock.js';
import { hasDuplicateKeys } from '../../platform/unique-keys.js';
import { QUERIES, type Queries } from '../../queries/queries.js';
import type { BoardComparisons } from '../../queries/replies/boards.js';
import { setLogPosition, withPosition } from '../idempotency.js';
import { importReplyOf } from '../import-report.js';
import { ApiProblem } from '../problems/problem.js';
import { WaitForPosition } from '../read-position.js';
import { contextOf } from '../request.js';
import { ValidBody, ValidParam, ValidQuery } from '../validation.js';
import { OrderReplies } from './orders.controller.js';

const number = z
  .string()
  .regex(/^-?\d{1,10}(?:\.\d{1,6})?$/, 'must be a number')
  .transform(Number);
/** Structured options travel as JSON in the query. */
const json = z
  .string()
  .max(20_000)
  .transform((text, context): unknown => {
    try {
      const value: unknown = JSON.parse(text);
      if (!hasDuplicateKeys(text, value)) return value;
      context.addIssue({ code: 'custom', message: 'names a field of one object twice' });
    } catch {
      context.addIssue({ code: 'custom', message: 'must be JSON' });
    }
    return z.NEVER;
  });
const inJson = <Schema extends z.ZodType>(schema: Schema) =>
  json.pipe(schema).meta({ contentMediaType: 'application/json' });
const flag = z
  .enum(['true', 'false'])
  .transform((text) => text === 'true')
  .pipe(z.boolean());
const options = feedOptionsSchema.shape;

/** The feed's format and options as query parameters. `only` may be repeated; `prices`, `pointsPerUnit`, `focus`,
 * `standing` and `sales` are JSON. */
const importQuery = z
  .strictObject({
    format: z.enum([...feedFormats, 'auto']).default('auto'),
    dedupe: z
      .enum(['true', 'false', 'rename'])
      .transform((text) => (text === 'rename' ? text : text === 'true'))
      .optional(),
    only: z
      .union([z.string(), z.array(z.string())])
      .transform((ids) => [ids].flat())
      .pipe(options.only.unwrap())
      .optional(),
    venueId: options.venueId,
    prices: inJson(options.prices.unwrap()).optional(),
    pointsPerUnit: inJson(options.pointsPerUnit.unwrap()).optional(),
    sales: inJson(options.sales.unwrap()).optional(),
    source: options.source,
    venueName: options.venueName,
    timeZone: options.timeZone,
    focus: inJson(options.focus.unwrap()).optional(),
    standing: inJson(options.standing.unwrap()).optional(),
    acceptRenumbering: flag.optional(),
    acceptHallChange: flag.optional(),
    cancelMissing: flag.optional(),
    shiftDays: number.pipe(options.shiftDays.unwrap()).optional(),
  })
  .transform(({ format, ...rest }): { format: typeof format; options: FeedOptions } => ({
    format,
    options: rest,
  }));

function feedRefused({ problems, moreProblems, groups }: ProblemReport): ApiProblem {
  const detail = {
    en: 'Nothing of this feed is imported: see the problems.',
    ko: '이 피드에서 가져온 항목이 없습니다. problems를 확인해 주세요.',
  };
  return new ApiProblem('feed-refused', detail, { facts: { problems, moreProblems, groups } });
}

/** Operators' endpoints. A request without the key of an operator is refused before its body is read. */
@Controller('v1/admin/imports')
export class ImportsController {
  constructor(private readonly commands: CommandBus) {}

  @Post()
  @HttpCode(200)
  @RouteConfig({ operatorsOnly: ['box-office'], load: 'long', body: 'bytes', bodyLimitBytes: maxFeedBytes })
  async importFeed(
    @ValidQuery(importQuery) { format, options }: z.infer<typeof importQuery>,
    @Body() bytes: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    if (!Buffer.isBuffer(bytes) || bytes.length === 0) {
      const errors = [{ field: '', message: 'is missing' }];
      throw new ApiProblem(
        'validation-failed',
        { en: 'Send the feed as the body.', ko: '피드를 요청 본문으로 보내 주세요.' },
        { errors },
      );
    }
    const charset = /;\s*charset="?([\w.:-]{1,40})/i.exec(request.headers['content-type'] ?? '')?.[1];
    const feed = parseFeedBytes({ bytes, format, options, ...(charset === undefined ? {} : { charset }) });
    if (feed.kind === 'refused') throw feedRefused(feed);
    const { document, unlistedPrices } = feed;
    const { acceptRenumbering, acceptHallChange } = options;
    const command = new ImportCatalog(document, contextOf(request), {
      unlistedPrices,
      acceptRenumbering,
      acceptHallChange,
      cancelMissing: options.cancelMissing,
    });
    const report = await this.commands.execute(command).catch((error: unknown) => {
      if (!(error instanceof ImportRefused)) throw error;
      throw feedRefused(withProblems(feed, error.problems));
    });
    return withPosition(reply, importReplyOf(feed, report), report.position);
  }

  @Get('formats')
  @RouteConfig({ operatorsOnly: ['box-office', 'auditor'] })
  listFeedFormats() {
    return { formats: feedFormats, maxFeedBytes };
  }
}

/** Operators' endpoint: checks the whole log against the invariants. */
@Controller('v1/admin/audit')
export class AuditController {
  #running: Promise<AuditReport> | undefined;

  constructor(
    private readonly store: EventStore,
    private readonly clock: Clock,
  ) {}

  /** One audit at a time: a request during an audit gets the report of that audit. */
  @Get()
  @RouteConfig({ operatorsOnly: ['auditor'], load: 'long' })
  runAudit(): Promise<AuditReport> {
    this.#running ??= auditLog(this.store, { now: this.clock.now() }).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }
}

/** Operators' endpoint: compares the seats and queues in this process's memory with the tables. */
@Controller('v1/admin/boards')
export class BoardsController {
  #running: Promise<BoardComparisons> | undefined;

  constructor(
    private readonly feeds: BoardFeeds,
    private readonly clock: Clock,
  ) {}

  /** One comparison at a time: a request during one gets its result. */
  @Get()
  @RouteConfig({ operatorsOnly: ['auditor'], load: 'long' })
  compareBoards(): Promise<BoardComparisons> {
    this.#running ??= this.feeds
      .compare(this.clock)
      .then((items) => ({ items }))
      .finally(() => {
        this.#running = undefined;
      });
    return this.#running;
  }
}

/** Operators' endpoint. The user is named in the body, because addresses are written to logs. */
@Controller('v1/admin/erasures')
export class ErasuresController {
  constructor(private readonly commands: CommandBus) {}

  @Post()
  @HttpCode(200)
  @RouteConfig({ operatorsOnly: [] })
  async eraseUser(
    @ValidBody(eraseUserSchema) input: z.infer<typeof eraseUserSchema>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { userId, position } = await this.commands.execute(new EraseUser(input, contextOf(request)));
    return withPosition(reply, { userId }, position);
  }
}

/** Operators' endpoints for what has been sold: cancelled dates and refunds. */
@Controller('v1/admin')
export class SalesController {
  constructor(
    private readonly commands: CommandBus,
    @Inject(QUERIES) private readonly queries: Queries,
    private readonly orders: OrderReplies,
  ) {}

  @Post('schedules/:scheduleId/cancel')
  @HttpCode(200)
  @RouteConfig({ operatorsOnly: ['box-office'] })
  async cancelSchedule(
    @ValidParam('scheduleId', scheduleIdSchema) scheduleId: ScheduleId,
    @ValidBody(cancelScheduleSchema) { reason }: z.infer<typeof cancelScheduleSchema>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const command = new CancelSchedule(scheduleId, reason, contextOf(request));
    const { position } = await this.commands.execute(command);
    return withPosition(reply, { scheduleIds: [scheduleId] }, position);
  }

  @Post('performances/:performanceId/cancel')
  @HttpCode(200)
  @RouteConfig({ operatorsOnly: ['box-office'] })
  async cancelPerformance(
    @ValidParam('performanceId', performanceIdSchema) performanceId: PerformanceId,
    @ValidBody(cancelScheduleSchema) { reason }: z.infer<typeof cancelScheduleSchema>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const command = new CancelPerformance(performanceId, reason, contextOf(request));
    const { scheduleIds, position } = await this.commands.execute(command);
    return withPosition(reply, { scheduleIds }, position);
  }

  @Get('schedules/:scheduleId/cancellation')
  @RouteConfig({ operatorsOnly: ['box-office', 'auditor'] })
  @UseGuards(WaitForPosition)
  async getCancellation(@ValidParam('scheduleId', scheduleIdSchema) scheduleId: ScheduleId) {
    const cancellation = await this.queries.cancellation(scheduleId);
    if (!cancellation) throw refuse('schedule-unknown', 'There is no such date that is cancelled.');
    return cancellation;
  }

  @Post('schedules/:scheduleId/refund-window')
  @HttpCode(200)
  @RouteConfig({ operatorsOnly: ['box-office'] })
  async openRefundWindow(
    @ValidParam('scheduleId', scheduleIdSchema) scheduleId: ScheduleId,
    @ValidBody(openRefundWindowSchema) { until, reason }: z.infer<typeof openRefundWindowSchema>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const command = new OpenRefundWindow(scheduleId, until, reason, contextOf(request));
    const { position } = await this.commands.execute(command);
    return withPosition(reply, { scheduleIds: [scheduleId] }, position);
  }

  @Post('orders/:orderId/refund')
  @HttpCode(200)
  @RouteConfig({ operatorsOnly: ['box-office'] })
  async refundOrder(
    @ValidParam('orderId', orderIdSchema) orderId: OrderId,
    @ValidBody(refundOrderSchema) { items, reason }: z.infer<typeof refundOrderSchema>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const which = items === undefined ? ({ kind: 'all' } as const) : ({ kind: 'items', items } as const);
    const command = new RefundOrder({ orderId, which, cause: 'operator', note: reason }, contextOf(request));
    const refunded = await this.commands.execute(command);
    setLogPosition(reply, refunded.position);
    return this.orders.after(refunded);
  }
}
