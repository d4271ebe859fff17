import { Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { EraseUser, eraseUserSchema } from '../../commands/account/erase-user.js';
import { contextOf } from '../command-context.js';
import { withPosition } from '../command-reply.js';
import { ValidBody } from '../validation.js';

/** Operators' endpoint. Whom to erase stands in the body: addresses are written to logs. */
@Controller('v1/admin/erasures')
export class ErasuresController {
  constructor(private readonly commands: CommandBus) {}

  @Post()
  @HttpCode(200)
  @RouteConfig({ operatorsOnly: true })
  async erase(
    @ValidBody(eraseUserSchema) input: z.infer<typeof eraseUserSchema>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { userId, position } = await this.commands.execute(new EraseUser(input, contextOf(request)));
    return withPosition(reply, { userId }, position);
  }
}
