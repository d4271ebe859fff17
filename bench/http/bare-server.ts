/** A bare Nest endpoint with the hold endpoint's validation and reply, and nothing behind it. */
import 'reflect-metadata';
import { Controller, HttpCode, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { ValidBody, ValidParam } from '../../src/api/validation.js';
import { type HoldSeatsInput, holdSeatsSchema } from '../../src/commands/seats/hold-seats.js';
import { type ScheduleId, scheduleIdSchema } from '../../src/events/ids.js';

@Controller('v1/schedules')
class BareController {
  @Post(':scheduleId/holds')
  @HttpCode(201)
  hold(
    @ValidParam('scheduleId', scheduleIdSchema) scheduleId: ScheduleId,
    @ValidBody(holdSeatsSchema) input: HoldSeatsInput,
  ) {
    const seatId = 'seatIds' in input ? input.seatIds[0] : undefined;
    return {
      holdId: '00000000-0000-4000-8000-000000000000',
      scheduleId,
      seats: [{ seatId, sectionName: 'Section', row: 'R1', number: '1', category: 'standard', price: 100 }],
      total: 100,
      expiresAt: '2026-11-22T09:00:00.000Z',
      position: 1,
    };
  }
}

@Module({ controllers: [BareController] })
class BareModule {}

const app = await NestFactory.create<NestFastifyApplication>(BareModule, new FastifyAdapter(), {
  logger: false,
});
await app.listen(0, '127.0.0.1');
process.once('SIGTERM', () => app.close());
process.send?.({ url: await app.getUrl() });
