import { Controller, Get, HttpCode, Inject, Post, Put, Req, Res, UseGuards } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import {
  ChangePassword,
  changePasswordSchema,
  RegisterUser,
  registerUserSchema,
} from '../../commands/account/account.js';
import { EraseOwnAccount, eraseOwnAccountSchema } from '../../commands/account/erase-user.js';
import {
  Login,
  Logout,
  loginSchema,
  RefreshSession,
  refreshSessionSchema,
  type SessionTokens,
} from '../../commands/account/sessions.js';
import { refuse } from '../../domain/rejection.js';
import type { UserId } from '../../events/ids.js';
import { QUERIES, type Queries } from '../../queries/queries.js';
import { AddressRateGuard, CurrentUser, UserGuard } from '../guards.js';
import { setLogPosition } from '../idempotency.js';
import { WaitForPosition } from '../read-position.js';
import type { SessionReply } from '../replies.js';
import { contextOf } from '../request.js';
import { ValidBody } from '../validation.js';

@Controller('v1')
export class UsersController {
  constructor(
    private readonly commands: CommandBus,
    @Inject(QUERIES) private readonly queries: Queries,
  ) {}

  @Post('users')
  @RouteConfig({ isAnonymous: true })
  @UseGuards(AddressRateGuard)
  async registerUser(
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

  /** Not DELETE: the password must be in a body, and a DELETE should have none. */
  @Post('me/erase')
  @HttpCode(204)
  @UseGuards(AddressRateGuard, UserGuard)
  async eraseMe(
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
  async getMe(@CurrentUser() userId: UserId) {
    const user = await this.queries.user(userId);
    if (!user) throw refuse('user-unknown', 'There is no such user (any more).');
    return user;
  }
}

type RefreshInput = z.infer<typeof refreshSessionSchema>;

@Controller('v1/auth')
export class AuthController {
  constructor(private readonly commands: CommandBus) {}

  @Post('login')
  @HttpCode(200)
  @RouteConfig({ isAnonymous: true })
  @UseGuards(AddressRateGuard)
  async logIn(@ValidBody(loginSchema) input: z.infer<typeof loginSchema>, @Req() request: FastifyRequest) {
    return sessionReply(await this.commands.execute(new Login(input, contextOf(request))));
  }

  @Post('refresh')
  @HttpCode(200)
  @RouteConfig({ isAnonymous: true })
  @UseGuards(AddressRateGuard)
  async refreshSession(@ValidBody(refreshSessionSchema) input: RefreshInput, @Req() request: FastifyRequest) {
    const command = new RefreshSession(input.refreshToken, contextOf(request));
    return sessionReply(await this.commands.execute(command));
  }

  @Post('logout')
  @HttpCode(204)
  @RouteConfig({ isAnonymous: true })
  async logOut(@ValidBody(refreshSessionSchema) input: RefreshInput, @Req() request: FastifyRequest) {
    await this.commands.execute(new Logout(input.refreshToken, contextOf(request)));
  }
}

function sessionReply({ userId, access, refresh }: SessionTokens): SessionReply {
  return {
    userId,
    accessToken: access.value,
    accessTokenExpiresAt: access.expiresAt,
    refreshToken: refresh.value,
    refreshTokenExpiresAt: refresh.expiresAt,
  };
}
