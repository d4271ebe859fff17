import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { SwaggerModule } from '@nestjs/swagger';
import type { FastifyInstance } from 'fastify';
import { openApiDocument } from './document.js';
import { problemPage } from './problem-page.js';

/** Serves the API's document: /docs to read and try, /docs/json for tools, /docs/problems for error codes. */
export function setUpDocs(app: NestFastifyApplication): void {
  SwaggerModule.setup('docs', app, openApiDocument(), {
    jsonDocumentUrl: 'docs/json',
    yamlDocumentUrl: 'docs/yaml',
    customSiteTitle: 'boxoffice API',
  });
  const page = problemPage();
  const fastify: FastifyInstance = app.getHttpAdapter().getInstance();
  fastify.get('/docs/problems', (_request, reply) => reply.type('text/html; charset=utf-8').send(page));
}
