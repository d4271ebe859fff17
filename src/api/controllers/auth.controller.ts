import { Controller, HttpCode, Post, Req, UseGuards } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import {
  Login,
  Logout,
  loginSchema,
  RefreshSession,
  refreshSessionSchema,
  type SessionTokens,
} from '../../commands/account/sessions.js';

import { contextOf } from '../command-context.js';
import { AddressRateGuard } from '../guards/rate-guards.js';
import { ValidBody } from '../validation.js';

type RefreshInput = z.infer<typeof refreshSessionSchema>;

@Controller('v1/auth')
export class AuthController {
  constructor(private readonly commands: CommandBus) {}

  @Post('login')
  @HttpCode(200)
  @UseGuards(AddressRateGuard)
  async login(@ValidBody(loginSchema) input: z.infer<typeof loginSchema>, @Req() request: FastifyRequest) {
    return sessionReply(await this.commands.execute(new Login(input, contextOf(request))));
  }

  @Post('refresh')
  @HttpCode(200)
  @UseGuards(AddressRateGuard)
  async refresh(@ValidBody(refreshSessionSchema) input: RefreshInput, @Req() request: FastifyRequest) {
    const command = new RefreshSession(input.refreshToken, contextOf(request));
    return sessionReply(await this.commands.execute(command));
  }

  @Post('logout')
  @HttpCode(204)
  async logout(@ValidBody(refreshSessionSchema) input: RefreshInput, @Req() request: FastifyRequest) {
    await this.commands.execute(new Logout(input.refreshToken, contextOf(request)));
  }
}

function sessionReply({ userId, access, refresh }: SessionTokens) {
  return {
    userId,
    accessToken: access.value,
    accessTokenExpiresAt: access.expiresAt,
    refreshToken: refresh.value,
    refreshTokenExpiresAt: refresh.expiresAt,
  };
}
