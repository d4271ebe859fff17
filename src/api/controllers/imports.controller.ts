import { Body, Controller, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { ImportCatalog } from '../../commands/catalog/import-catalog.js';
import { feedFormats, maxFeedBytes } from '../../integrations/feeds/feed.js';
import { parseFeed } from '../../integrations/feeds/parse-feed.js';
import { contextOf } from '../command-context.js';
import { withPosition } from '../command-reply.js';
import { ApiProblem } from '../problem.js';
import { ValidQuery } from '../validation.js';
import { importQuery } from './import-query.js';

/** Operators' endpoints: whoever lacks the key is refused before the body is read. */
@Controller('v1/admin/imports')
export class ImportsController {
  constructor(private readonly commands: CommandBus) {}

  @Post()
  @HttpCode(200)
  @RouteConfig({ operatorsOnly: true, load: 'long', body: 'text', bodyLimitBytes: maxFeedBytes })
  async importFeed(
    @ValidQuery(importQuery) { format, options }: z.infer<typeof importQuery>,
    @Body() text: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    if (typeof text !== 'string' || text === '') {
      const errors = [{ field: '', message: 'is missing' }];
      throw new ApiProblem('validation-failed', 'Send the feed as the body.', { errors });
    }
    // Whether the catalog has a venue the feed only mentions is the import's to judge: it reports it.
    const feed = parseFeed({ text, format, options, isKnownVenue: () => true });
    const { problems, moreProblems } = feed;
    if (feed.kind === 'refused') {
      const detail = 'Nothing of this feed can be imported: see the problems.';
      throw new ApiProblem('feed-refused', detail, { facts: { problems, moreProblems } });
    }
    const report = await this.commands.execute(new ImportCatalog(feed.document, contextOf(request)));
    const { records, keptSeats, position } = report;
    return withPosition(reply, { format: feed.format, records, keptSeats, problems, moreProblems }, position);
  }

  @Get('formats')
  @RouteConfig({ operatorsOnly: true })
  formats() {
    return { formats: feedFormats, maxFeedBytes };
  }
}
