import {
  Controller,
  Delete,
  Get,
  HttpCode,
  Inject,
  Injectable,
  Post,
  Req,
  Res,
  UseGuards,
} from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { HISTORIES, type Histories } from '../../analysis/history/port.js';
import { QueueBoards } from '../../boards/queue-boards.js';
import { EnterService, LeaveQueue } from '../../commands/queue/enter-and-leave.js';
import {
  type IssuedToken,
  IssueToken,
  issueTokenSchema,
  RefreshToken,
} from '../../commands/queue/issue-token.js';
import type { QueueToken } from '../../commands/queue/queue-admission.js';
import { refuse } from '../../domain/rejection.js';
import type { Position } from '../../event-store/port.js';
import { type PerformanceId, performanceIdSchema, type UserId } from '../../events/ids.js';
import { JoinVerifier } from '../../integrations/join-verification/port.js';
import type { QueueTokenReply } from '../../queries/replies/queue.js';
import { API_SETTINGS, type ApiSettings } from '../api-settings.js';
import { CurrentQueueToken, CurrentUser, FanRateGuard, QueueTokenGuard, UserGuard } from '../guards.js';
import { withPosition } from '../idempotency.js';
import { JoinGuard } from '../join-guard.js';
import { ApiProblem, retryAfter } from '../problems/problem.js';
import { knownThen, type MomentQuery, momentQuery } from '../query-parameters.js';
import {
  hasReached,
  READ_POSITION,
  type ReadPosition,
  WaitForPosition,
  WantedPosition,
} from '../read-position.js';
import type { JoinChallengeReply } from '../replies.js';
import { contextOf } from '../request.js';
import { ValidBody, ValidParam, ValidQuery } from '../validation.js';

/** A fan's place in the queue. */
@Injectable()
export class QueueStatus {
  constructor(
    private readonly boards: QueueBoards,
    @Inject(READ_POSITION) private readonly readPosition: ReadPosition,
    @Inject(API_SETTINGS) private readonly settings: Pick<ApiSettings, 'waitForPositionTimeoutMs'>,
  ) {}

  /** @param wanted a log position that the read models have reached. @throws {Rejected} token-unknown */
  async of(queueToken: QueueToken, wanted?: Position): Promise<QueueTokenReply> {
    const status = await this.boards.placeOf(queueToken.tokenId, wanted);
    if (!status) throw refuse('token-unknown', 'Join the queue of this performance first.');
    return status;
  }

  /** After a command that is safe to repeat, once the read models contain its effect. @throws {ApiProblem} read-model-behind */
  async after(
    { tokenId }: Pick<QueueToken, 'tokenId'>,
    position: Position | undefined,
  ): Promise<QueueTokenReply> {
    await hasReached(this.readPosition, position, this.settings.waitForPositionTimeoutMs);
    const status = await this.boards.placeOf(tokenId, position);
    if (status) return status;
    throw new ApiProblem(
      'read-model-behind',
      {
        en: 'Your place is not readable yet: repeat the request.',
        ko: '순번 정보가 아직 반영되지 않았습니다. 다시 요청해 주세요.',
      },
      {
        headers: retryAfter(1),
      },
    );
  }

  /**
   * After joining. A new token's place is answered at once: when many join, the tables are late, and thousands would wait
   * for them. @throws {ApiProblem} read-model-behind, for a fan who was in the queue already
   */
  ofIssued(issued: IssuedToken, numberOfTickets: number): Promise<QueueTokenReply> {
    const { tokenId, performanceId, number, requestedAt, position } = issued;
    if (requestedAt === undefined) return this.after({ tokenId }, position);
    return this.boards.placeOfIssued({ tokenId, performanceId, numberOfTickets }, number, requestedAt);
  }
}

@Controller('v1/performances/:performanceId/queue-token')
export class QueueController {
  constructor(
    private readonly commands: CommandBus,
    private readonly status: QueueStatus,
    private readonly verifier: JoinVerifier,
    @Inject(HISTORIES) private readonly histories: Histories,
  ) {}

  @Post()
  @UseGuards(UserGuard, FanRateGuard, JoinGuard)
  async joinQueue(
    @CurrentUser() userId: UserId,
    @ValidParam('performanceId', performanceIdSchema) performanceId: PerformanceId,
    @ValidBody(issueTokenSchema) { numberOfTickets }: z.infer<typeof issueTokenSchema>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const command = new IssueToken(userId, performanceId, numberOfTickets, contextOf(request));
    const issued = await this.commands.execute(command);
    reply.code(issued.isNew ? 201 : 200);
    const { value, expiresAt } = issued.queueToken;
    const status = await this.status.ofIssued(issued, numberOfTickets);
    pace(reply, status);
    return withPosition(
      reply,
      { queueToken: value, queueTokenExpiresAt: expiresAt, ...status },
      issued.position,
    );
  }

  @Get('challenge')
  @UseGuards(UserGuard, FanRateGuard)
  getJoinChallenge(
    @CurrentUser() userId: UserId,
    @ValidParam('performanceId', performanceIdSchema) performanceId: PerformanceId,
  ): JoinChallengeReply {
    return this.verifier.challengeFor({ userId, performanceId });
  }

  @Get()
  @UseGuards(UserGuard, QueueTokenGuard, WaitForPosition)
  async getPlace(
    @CurrentQueueToken() queueToken: QueueToken,
    @ValidQuery(momentQuery) { at }: MomentQuery,
    @WantedPosition() wanted: Position | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    if (at !== undefined) {
      return knownThen(
        await this.histories.queueToken(queueToken, at),
        'token-unknown',
        'such place in this queue',
      );
    }
    const status = await this.status.of(queueToken, wanted);
    pace(reply, status);
    return status;
  }

  @Post('enter')
  @RouteConfig({ load: 'buying' })
  @HttpCode(200)
  @UseGuards(UserGuard, QueueTokenGuard, FanRateGuard)
  async enterService(
    @CurrentQueueToken() queueToken: QueueToken,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { expiresAt, position } = await this.commands.execute(
      new EnterService(queueToken, contextOf(request)),
    );
    const status = await this.status.after(queueToken, position);
    return withPosition(reply, { ...status, status: 'entered', expiresAt }, position);
  }

  @Post('refresh')
  @HttpCode(200)
  @UseGuards(UserGuard, QueueTokenGuard, FanRateGuard)
  async refreshQueueToken(@CurrentQueueToken() queueToken: QueueToken) {
    const { value, expiresAt } = await this.commands.execute(new RefreshToken(queueToken));
    const status = await this.status.of(queueToken);
    return { queueToken: value, queueTokenExpiresAt: expiresAt, ...status };
  }

  @Delete()
  @UseGuards(UserGuard, QueueTokenGuard, FanRateGuard)
  async leaveQueue(
    @CurrentQueueToken() queueToken: QueueToken,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { position } = await this.commands.execute(new LeaveQueue(queueToken, contextOf(request)));
    return withPosition(reply, {}, position);
  }
}

/** Seconds after which fans who wait without a live stream are to ask again. */
const askAgain = { soonest: 2, latest: 30, unknown: 15 };

/**
 * Says when to ask again: after half of the wait, so that a fan asks more often as the turn comes closer. Before the
 * opening places are not drawn and no wait is known: all fans are told the same time.
 */
function pace(reply: FastifyReply, { status, opened, estimatedWaitSeconds }: QueueTokenReply): void {
  if (status !== 'waiting') return;
  const { soonest, latest, unknown } = askAgain;
  const isKnown = opened && estimatedWaitSeconds !== null;
  const seconds = isKnown ? Math.min(Math.max(estimatedWaitSeconds / 2, soonest), latest) : unknown;
  reply.headers(retryAfter(seconds));
}
