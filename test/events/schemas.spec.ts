import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { allEventDefinitions } from '../../src/events/registry.js';

/**
 * The stored JSON schema of every event type. Events are never rewritten, so a changed schema must still read
 * what older builds wrote. After a change that was meant:
 * `UPDATE_EVENT_SCHEMAS=1 npx jest test/events/schemas`, and look at the difference.
 */
const file = join(process.cwd(), 'test/events/schemas.json');
const snapshotSchema = z.record(
  z.string(),
  z.strictObject({ version: z.number(), personal: z.array(z.string()), schema: z.unknown() }),
);

function currentSchemas() {
  const entries = allEventDefinitions().map(({ type, version, personal, schema }) => {
    return [type, { version, personal: [...personal], schema: z.toJSONSchema(schema) }] as const;
  });
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What is wrong with the change from the stored schemas to today's; nothing when they are the same. */
function problems(stored: z.infer<typeof snapshotSchema>, current: z.infer<typeof snapshotSchema>): string[] {
  return [...new Set([...Object.keys(stored), ...Object.keys(current)])].flatMap((type) => {
    const [before, now] = [stored[type], current[type]];
    if (!now)
      return [`${type} was removed: events of this type stay in every log, so it must stay readable.`];
    if (!before) return [`${type} is new: store its schema with UPDATE_EVENT_SCHEMAS=1.`];
    if (JSON.stringify(before) === JSON.stringify(now)) return [];
    if (now.version === before.version) {
      return [
        `The schema of ${type} changed and its version did not: raise \`version\` in its defineEvent, add an ` +
          'upcaster with a fixture in test/events/fixtures, then store the schema with UPDATE_EVENT_SCHEMAS=1.',
      ];
    }
    return [`${type} has version ${now.version} now: store its schema with UPDATE_EVENT_SCHEMAS=1.`];
  });
}

// Through JSON, so that both sides are written the same way.
const current = snapshotSchema.parse(JSON.parse(JSON.stringify(currentSchemas())));
if (process.env.UPDATE_EVENT_SCHEMAS === '1') writeFileSync(file, `${JSON.stringify(current, null, 2)}\n`);
const stored = snapshotSchema.parse(JSON.parse(readFileSync(file, 'utf8')));

describe('the schemas of stored events', () => {
  it('are those that were stored', () => {
    expect(problems(stored, current)).toEqual([]);
  });

  it('may not change under the same version, and the refusal says what to do', () => {
    const [type, entry] = Object.entries(stored)[0] ?? [];
    if (!type || !entry) throw new Error('no schema is stored');
    const changed = { ...stored, [type]: { ...entry, schema: { type: 'object' } } };
    expect(problems(stored, changed)).toEqual([expect.stringContaining('raise `version`')]);
    const raised = { ...stored, [type]: { ...entry, version: entry.version + 1 } };
    expect(problems(stored, raised)).toEqual([expect.stringContaining('UPDATE_EVENT_SCHEMAS=1')]);
    const { [type]: _, ...without } = stored;
    expect(problems(stored, without)).toEqual([expect.stringContaining('must stay readable')]);
  });
});
