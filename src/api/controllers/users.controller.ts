import { Controller, Get, HttpCode, Inject, Post, Put, Req, Res, UseGuards } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import {
  ChangePassword,
  changePasswordSchema,
  RegisterUser,
  registerUserSchema,
} from '../../commands/account/account.js';
import { EraseOwnAccount, eraseOwnAccountSchema } from '../../commands/account/erase-user.js';

import { refuse } from '../../domain/rejection.js';
import type { UserId } from '../../events/ids.js';
import { contextOf } from '../command-context.js';
import { setLogPosition } from '../command-reply.js';
import { AddressRateGuard } from '../guards/rate-guards.js';
import { CurrentUser, UserGuard } from '../guards/user-guard.js';
import { WaitForPosition } from '../read-position.js';
import { READS, type Reads } from '../reads.js';
import { ValidBody } from '../validation.js';

@Controller('v1')
export class UsersController {
  constructor(
    private readonly commands: CommandBus,
    @Inject(READS) private readonly reads: Reads,
  ) {}

  @Post('users')
  @UseGuards(AddressRateGuard)
  async register(
    @ValidBody(registerUserSchema) input: z.infer<typeof registerUserSchema>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const user = await this.commands.execute(new RegisterUser(input, contextOf(request)));
    setLogPosition(reply, user.position);
    return user;
  }

  @Put('me/password')
  @HttpCode(204)
  @UseGuards(AddressRateGuard, UserGuard)
  async changePassword(
    @CurrentUser() userId: UserId,
    @ValidBody(changePasswordSchema) input: z.infer<typeof changePasswordSchema>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { position } = await this.commands.execute(new ChangePassword(userId, input, contextOf(request)));
    setLogPosition(reply, position);
  }

  /** Not DELETE: the password belongs into a body, which a DELETE should not have. */
  @Post('me/erase')
  @HttpCode(204)
  @UseGuards(AddressRateGuard, UserGuard)
  async erase(
    @CurrentUser() userId: UserId,
    @ValidBody(eraseOwnAccountSchema) input: z.infer<typeof eraseOwnAccountSchema>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { position } = await this.commands.execute(new EraseOwnAccount(userId, input, contextOf(request)));
    setLogPosition(reply, position);
  }

  @Get('me')
  @UseGuards(UserGuard, WaitForPosition)
  async me(@CurrentUser() userId: UserId) {
    const user = await this.reads.user(userId);
    if (!user) throw refuse('user-unknown', 'There is no such user (any more).');
    return user;
  }
}
