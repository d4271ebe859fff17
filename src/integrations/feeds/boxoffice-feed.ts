import { z } from 'zod';
import type { Candidate, ProblemList, RawFeed } from './feed.js';
import { isObject } from './values.js';

/** The envelope only: venues and performances are checked one by one, so that a bad record does not affect others. */
const envelopeSchema = z.strictObject({
  format: z.literal('boxoffice-catalog'),
  version: z.literal(1),
  source: z.string().trim().min(1).max(100),
  venues: z.array(z.unknown()).default([]),
  performances: z.array(z.unknown()).default([]),
});

function candidates(
  kind: string,
  list: string,
  records: readonly unknown[],
  problems: ProblemList,
): Candidate[] {
  return records.flatMap((value, index) => {
    const path = `${list}[${index}]`;
    if (!isObject(value)) {
      problems.add({ record: path, reason: `is not a ${kind}`, effect: 'skipped' });
      return [];
    }
    const record = typeof value.id === 'string' ? `${kind} "${value.id}" (${path})` : path;
    return [{ record, value }];
  });
}

/** Reads boxoffice's own catalog JSON. Undefined (and reported) for any other document. */
export function readBoxofficeFeed(value: unknown, problems: ProblemList): RawFeed | undefined {
  const envelope = envelopeSchema.safeParse(value);
  if (!envelope.success) {
    for (const { path, message } of envelope.error.issues) {
      const field = path.map(String).join('.');
      problems.add({
        record: 'document',
        ...(field === '' ? {} : { field }),
        reason: message,
        effect: 'refused',
      });
    }
    return undefined;
  }
  const { source, venues, performances } = envelope.data;
  return {
    source,
    venues: candidates('venue', 'venues', venues, problems),
    performances: candidates('performance', 'performances', performances, problems),
  };
}
