import { Controller, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import {
  IssueOperatorKey,
  issueOperatorKeySchema,
  OperatorKeys,
  RevokeOperatorKey,
  revokeOperatorKeySchema,
} from '../../commands/operators/operator-keys.js';
import { type OperatorKeyId, operatorKeyIdSchema } from '../../events/ids.js';
import { withPosition } from '../idempotency.js';
import type { OperatorKeysReply, OwnOperatorKeyReply } from '../replies.js';
import { contextOf } from '../request.js';
import { ValidBody, ValidParam } from '../validation.js';

/** The keys of operators: who has one, new ones, and those that end. */
@Controller('v1/admin/operators')
export class OperatorKeysController {
  constructor(
    private readonly commands: CommandBus,
    private readonly keys: OperatorKeys,
  ) {}

  @Get()
  @RouteConfig({ operatorsOnly: ['auditor'] })
  async listOperatorKeys(): Promise<OperatorKeysReply> {
    const { live, revoked, hasHadOwner } = await this.keys.state();
    return {
      isEnvironmentKeyOpen: !hasHadOwner,
      keys: [...live.values()].map(({ keyHash: _, ...key }) => key),
      revokedKeys: [...revoked.values()].reverse().map(({ keyHash: _, ...key }) => key),
    };
  }

  /** The reply is the only place where the key appears. */
  @Post()
  @RouteConfig({ operatorsOnly: [] })
  async issueOperatorKey(
    @ValidBody(issueOperatorKeySchema) input: z.infer<typeof issueOperatorKeySchema>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const command = new IssueOperatorKey(input, contextOf(request));
    const { position, ...issued } = await this.commands.execute(command);
    return withPosition(reply, issued, position);
  }

  @Get('me')
  @RouteConfig({ operatorsOnly: ['box-office', 'door', 'auditor'] })
  getOwnOperatorKey(@Req() { operator }: FastifyRequest): OwnOperatorKeyReply {
    if (operator === undefined) throw new Error('the route admits operators only');
    return { operator: operator.operator, role: operator.role, keyId: operator.keyId ?? null };
  }

  @Post(':keyId/revoke')
  @HttpCode(200)
  @RouteConfig({ operatorsOnly: [] })
  async revokeOperatorKey(
    @ValidParam('keyId', operatorKeyIdSchema) keyId: OperatorKeyId,
    @ValidBody(revokeOperatorKeySchema) input: z.infer<typeof revokeOperatorKeySchema>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { position } = await this.commands.execute(new RevokeOperatorKey(keyId, input, contextOf(request)));
    return withPosition(reply, { keyId }, position);
  }
}
