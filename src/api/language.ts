import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Language } from '../queries/replies.js';

/** The language of ours that an Accept-Language header likes best; null: names as the organiser wrote them. */
export function preferredLanguage(header: string | undefined): Language | null {
  if (header === undefined) return null;
  let best: { readonly language: Language; readonly quality: number } | undefined;
  for (const part of header.slice(0, 500).split(',')) {
    const match = /^\s*(ko|en)(?:-[\w-]*)?\s*(?:;\s*q=([\d.]{1,5})\s*)?$/i.exec(part);
    if (!match) continue;
    const quality = match[2] === undefined ? 1 : Number(match[2]);
    if (!(quality > (best?.quality ?? 0))) continue;
    best = { language: match[1]?.toLowerCase() === 'ko' ? 'ko' : 'en', quality };
  }
  return best?.language ?? null;
}

/** The caller's {@link preferredLanguage}. */
export const PreferredLanguage = createParamDecorator((_: unknown, context: ExecutionContext) =>
  preferredLanguage(context.switchToHttp().getRequest<FastifyRequest>().headers['accept-language']),
);
