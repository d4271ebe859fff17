import { z } from 'zod';
import { decodeCursor, toPage } from '../../queries/paging.js';
import type { Asked, HistoryReply } from './port.js';
import type { Story } from './reason.js';
import { say } from './words.js';

/** A page of a story, newest first. @throws {InvalidCursor} */
export function historyPage({ told, summary }: Story, { page, language }: Asked): HistoryReply {
  const before = decodeCursor(page.cursor, z.tuple([z.number().int()]))?.[0] ?? Number.POSITIVE_INFINITY;
  const newestFirst = told.toReversed().filter(({ event }) => event.position < before);
  const items = toPage(
    newestFirst,
    page,
    ({ event, who, reason, related }) => ({
      position: event.position,
      stream: event.stream,
      revision: event.revision,
      at: event.at,
      type: event.type,
      actor: event.actor.kind,
      who,
      explanation: say(reason, language),
      related,
    }),
    ({ event }) => [event.position],
  );
  return { summary: say(summary, language), ...items };
}
