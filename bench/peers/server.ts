/**
 * What a good team would otherwise build: Nest on Fastify, seats in MariaDB behind locks, the waiting line in Redis. The
 * guards, the validation and the tokens are those of the office.
 */
import 'reflect-metadata';
import {
  Controller,
  Delete,
  ForbiddenException,
  Get,
  Headers,
  HttpCode,
  Inject,
  Module,
  Param,
  Post,
  UseGuards,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Redis } from 'ioredis';
import { createPool } from 'mysql2/promise';
import { z } from 'zod';
import { CurrentQueueToken, CurrentUser, QueueTokenGuard, UserGuard } from '../../src/api/guards.js';
import { ValidBody, ValidParam } from '../../src/api/validation.js';
import { SessionCheck, uncheckedSessions } from '../../src/commands/account/session-check.js';
import { issueTokenSchema } from '../../src/commands/queue/issue-token.js';
import type { QueueToken } from '../../src/commands/queue/queue-admission.js';
import { type HoldSeatsInput, holdSeatsSchema } from '../../src/commands/seats/hold-seats.js';
import {
  holdIdSchema,
  performanceIdSchema,
  scheduleIdSchema,
  tokenIdSchema,
  type UserId,
} from '../../src/events/ids.js';
import { systemClock } from '../../src/platform/clock.js';
import { deriveId } from '../../src/platform/derive-id.js';
import { TokenSigner } from '../../src/platform/token-signer.js';
import { Bookings } from './bookings.js';
import { Line } from './line.js';
import { peerPerformanceId, turnMs } from './schema.js';

const settings = z
  .object({
    SECRET: z.string(),
    DATABASE_URL: z.string(),
    REDIS_URL: z.string(),
    TAKING: z.enum(['row-lock', 'conditional-update']),
    POOL_SIZE: z.coerce.number().int().min(1),
    QUEUE: z.string(),
  })
  .parse(process.env);
const admitEveryMs = 20;
const maxActive = 100_000;
const admittedAtOnce = 200;

const pool = createPool({ uri: settings.DATABASE_URL, connectionLimit: settings.POOL_SIZE, timezone: 'Z' });
const redis = new Redis(settings.REDIS_URL);
const line = new Line(redis, settings.QUEUE);
const bookings = new Bookings(pool, settings.TAKING);
const signer = new TokenSigner({ current: settings.SECRET }, systemClock);
const performanceId = performanceIdSchema.parse(peerPerformanceId);

@Controller('v1/performances/:performanceId')
class LineController {
  constructor(@Inject(TokenSigner) private readonly signer: TokenSigner) {}

  @Post('queue-token')
  @UseGuards(UserGuard)
  async join(
    @CurrentUser() userId: UserId,
    @ValidParam('performanceId', performanceIdSchema) _performanceId: string,
    @ValidBody(issueTokenSchema) { numberOfTickets }: z.infer<typeof issueTokenSchema>,
  ) {
    const tokenId = tokenIdSchema.parse(deriveId('peer token', userId));
    const number = await line.join(tokenId);
    const claims = { sub: userId, tid: tokenId, pid: performanceId, num: Math.max(0, number) };
    const { value, expiresAt } = this.signer.queue.sign(claims, turnMs);
    return { queueToken: value, queueTokenExpiresAt: expiresAt, tokenId, number, numberOfTickets };
  }

  @Get('queue-token')
  @UseGuards(UserGuard, QueueTokenGuard)
  async place(@CurrentQueueToken() { tokenId, number }: QueueToken) {
    const [ahead, isInside] = await Promise.all([line.ahead(tokenId), line.isInside(tokenId)]);
    return { tokenId, number, ahead: ahead ?? 0, status: isInside ? 'admitted' : 'waiting' };
  }

  @Post('queue-token/enter')
  @HttpCode(200)
  @UseGuards(UserGuard, QueueTokenGuard)
  async enter(@CurrentQueueToken() { tokenId, userId }: QueueToken) {
    if (!(await line.isInside(tokenId))) throw new ForbiddenException({ code: 'token-waiting' });
    await bookings.enter(tokenId, userId);
    return { tokenId, status: 'entered' };
  }

  @Get('queue')
  state() {
    return line.state();
  }
}

@Controller('v1')
class SeatsController {
  @Post('schedules/:scheduleId/holds')
  @UseGuards(UserGuard, QueueTokenGuard)
  async hold(
    @CurrentQueueToken() { tokenId }: QueueToken,
    @ValidParam('scheduleId', scheduleIdSchema) _scheduleId: string,
    @ValidBody(holdSeatsSchema) input: HoldSeatsInput,
    @Headers('idempotency-key') idempotencyKey: string,
  ) {
    if (!(await line.isInside(tokenId))) throw new ForbiddenException({ code: 'token-waiting' });
    const seatIds = 'seatIds' in input ? input.seatIds : [];
    return bookings.hold(tokenId, seatIds, idempotencyKey);
  }

  @Delete('holds/:holdId')
  @UseGuards(UserGuard, QueueTokenGuard)
  async release(
    @CurrentQueueToken() { tokenId }: QueueToken,
    @ValidParam('holdId', holdIdSchema) holdId: string,
  ) {
    await bookings.release(tokenId, holdId);
    return {};
  }

  @Get('schedules/:scheduleId/seats')
  seatMap(@Param('scheduleId') _scheduleId: string) {
    return bookings.seatMap();
  }

  @Get('schedules/:scheduleId/seats/status')
  taken(@Param('scheduleId') _scheduleId: string) {
    return bookings.taken();
  }
}

@Module({
  controllers: [LineController, SeatsController],
  providers: [
    { provide: TokenSigner, useValue: signer },
    { provide: SessionCheck, useValue: uncheckedSessions },
  ],
})
class PeerModule {}

const app = await NestFactory.create<NestFastifyApplication>(PeerModule, new FastifyAdapter(), {
  logger: ['error'],
});
await app.listen(0, '127.0.0.1');
const admitting = setInterval(() => {
  // A round that fails is followed by the next one.
  line.admit(maxActive, admittedAtOnce).catch((error: unknown) => console.error(String(error)));
}, admitEveryMs);
process.once('SIGTERM', async () => {
  clearInterval(admitting);
  await app.close();
  await Promise.all([pool.end(), redis.quit()]);
});
process.send?.({ url: await app.getUrl() });
