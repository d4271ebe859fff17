import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { SwaggerModule } from '@nestjs/swagger';
import type { FastifyInstance } from 'fastify';
import { koreanTexts } from '../problems/korean.js';
import { type ProblemCode, problemKinds } from '../problems/problem-kinds.js';
import { openApiDocument } from './document.js';

/** Where the documentation is. */
export const docsPath = '/docs';

/** Serves the API's document: /docs to read and try, /docs/json for tools, /docs/problems for error codes. */
export function setUpDocs(app: NestFastifyApplication): void {
  SwaggerModule.setup('docs', app, openApiDocument(), {
    jsonDocumentUrl: 'docs/json',
    yamlDocumentUrl: 'docs/yaml',
    customSiteTitle: 'boxoffice API',
    // No badge: it would send the document's address to a server elsewhere, which the page's policy forbids.
    swaggerOptions: { validatorUrl: null },
  });
  const page = problemPage();
  const fastify: FastifyInstance = app.getHttpAdapter().getInstance();
  fastify.get(`${docsPath}/problems`, (_request, reply) => reply.type('text/html; charset=utf-8').send(page));
}

/** The page that problem types point to: every code with its status and what to do. */
function problemPage(): string {
  // Object.entries() forgets the type of keys.
  const kinds = Object.entries(problemKinds) as [ProblemCode, (typeof problemKinds)[ProblemCode]][];
  const rows = kinds.map(
    ([code, { status, title, advice }]) =>
      `<tr id="${code}"><td><code>${code}</code></td><td>${status}</td>` +
      `<td>${title}<br><span lang="ko">${koreanTexts[code].title}</span></td>` +
      `<td>${advice}<br><span lang="ko">${koreanTexts[code].advice}</span></td></tr>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>boxoffice: problems</title>
<style>body{font:16px/1.5 system-ui;margin:2rem auto;max-width:60rem;padding:0 1rem}
td,th{text-align:left;vertical-align:top;padding:.3rem .8rem .3rem 0}tr:target{background:#fff3c4}</style></head>
<body><h1>Problems</h1><p>Every error is a problem document (RFC 9457). Decide by its <code>code</code>.</p>
<table><thead><tr><th>code</th><th>status</th><th>title</th><th>what to do</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody></table></body></html>
`;
}
