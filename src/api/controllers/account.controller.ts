import { Controller, Delete, Get, HttpCode, Inject, Post, Put, Req, Res, UseGuards } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import {
  ChangePassword,
  changePasswordSchema,
  loginStreamOf,
  RegisterUser,
  registerUserSchema,
} from '../../commands/account/account.js';
import { EraseOwnAccount, eraseOwnAccountSchema } from '../../commands/account/erase-user.js';
import type { AccessSession } from '../../commands/account/session-check.js';
import {
  EndOtherSessions,
  EndSession,
  Login,
  Logout,
  loginSchema,
  RefreshSession,
  refreshSessionSchema,
  type SessionTokens,
} from '../../commands/account/sessions.js';
import { refuse } from '../../domain/rejection.js';
import { type SessionId, sessionIdSchema, type UserId } from '../../events/ids.js';
import { Clock } from '../../platform/clock.js';
import { QUERIES, type Queries } from '../../queries/queries.js';
import {
  CurrentSession,
  CurrentUser,
  FanRateGuard,
  RefreshRateGuard,
  RegistrationRateGuard,
  UserGuard,
} from '../guards.js';
import { setLogPosition } from '../idempotency.js';
import { PasswordAttempts } from '../password-attempts.js';
import { WaitForPosition } from '../read-position.js';
import type { SessionReply } from '../replies.js';
import { contextOf } from '../request.js';
import { ValidBody, ValidParam } from '../validation.js';

@Controller('v1')
export class UsersController {
  constructor(
    private readonly commands: CommandBus,
    private readonly attempts: PasswordAttempts,
    @Inject(QUERIES) private readonly queries: Queries,
  ) {}

  @Post('users')
  @RouteConfig({ isAnonymous: true })
  @UseGuards(RegistrationRateGuard)
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
  @UseGuards(UserGuard)
  async changePassword(
    @CurrentSession() session: AccessSession,
    @ValidBody(changePasswordSchema) input: z.infer<typeof changePasswordSchema>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const command = new ChangePassword(session, input, contextOf(request));
    const { position } = await this.attempts.run(request, `user-${session.userId}`, () =>
      this.commands.execute(command),
    );
    setLogPosition(reply, position);
  }

  /** Not DELETE: the password must be in a body, and a DELETE should have none. */
  @Post('me/erase')
  @HttpCode(204)
  @UseGuards(UserGuard)
  async eraseMe(
    @CurrentUser() userId: UserId,
    @ValidBody(eraseOwnAccountSchema) input: z.infer<typeof eraseOwnAccountSchema>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const command = new EraseOwnAccount(userId, input, contextOf(request));
    const { position } = await this.attempts.run(request, `user-${userId}`, () =>
      this.commands.execute(command),
    );
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

@Controller('v1/me/sessions')
export class SessionsController {
  constructor(
    private readonly commands: CommandBus,
    private readonly clock: Clock,
    @Inject(QUERIES) private readonly queries: Queries,
  ) {}

  @Get()
  @UseGuards(UserGuard, WaitForPosition)
  async listSessions(@CurrentSession() { userId, sessionId }: AccessSession) {
    const sessions = await this.queries.sessions(userId, this.clock.now());
    return { items: sessions.map((one) => ({ ...one, isCurrent: one.sessionId === sessionId })) };
  }

  @Delete(':sessionId')
  @HttpCode(204)
  @UseGuards(UserGuard, FanRateGuard)
  async endSession(
    @CurrentUser() userId: UserId,
    @ValidParam('sessionId', sessionIdSchema) sessionId: SessionId,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { position } = await this.commands.execute(new EndSession(userId, sessionId, contextOf(request)));
    setLogPosition(reply, position);
  }

  @Delete()
  @HttpCode(204)
  @UseGuards(UserGuard, FanRateGuard)
  async endOtherSessions(
    @CurrentSession() session: AccessSession,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { position } = await this.commands.execute(new EndOtherSessions(session, contextOf(request)));
    setLogPosition(reply, position);
  }
}

type RefreshInput = z.infer<typeof refreshSessionSchema>;

@Controller('v1/auth')
export class AuthController {
  constructor(
    private readonly commands: CommandBus,
    private readonly attempts: PasswordAttempts,
  ) {}

  @Post('login')
  @HttpCode(200)
  @RouteConfig({ isAnonymous: true })
  async logIn(@ValidBody(loginSchema) input: z.infer<typeof loginSchema>, @Req() request: FastifyRequest) {
    const command = new Login(input, contextOf(request));
    // The stream's name holds a hash of the login id.
    return sessionReply(
      await this.attempts.run(request, loginStreamOf(input.loginId), () => this.commands.execute(command)),
    );
  }

  @Post('refresh')
  @HttpCode(200)
  @RouteConfig({ isAnonymous: true })
  @UseGuards(RefreshRateGuard)
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
