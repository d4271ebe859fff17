import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { metadataSchema } from '../../src/events/event.js';
import { allEventDefinitions, upcasters, verifyEvent } from '../../src/events/registry.js';

/** An event as an older build stored it, and what this build is to read. */
const fixtureSchema = z.strictObject({
  stored: z.object({
    type: z.string(),
    data: z.record(z.string(), z.unknown()),
    metadata: metadataSchema,
  }),
  current: z.record(z.string(), z.unknown()),
});

const folder = join(process.cwd(), 'test/events/fixtures');
const fixtures = readdirSync(folder).map((file) => ({
  file,
  ...fixtureSchema.parse(JSON.parse(readFileSync(join(folder, file), 'utf8'))),
}));
const nameOf = (type: string, version: number) => `${type}.v${version}.json`;

describe('upcasters', () => {
  it.each(fixtures)('lift $file to what today’s schema accepts', ({ stored, current }) => {
    expect(verifyEvent(stored)).toEqual({ type: stored.type, data: current });
  });

  it('each have a stored event that proves them', () => {
    const steps = Object.entries(upcasters).flatMap(([type, byVersion]) =>
      Object.keys(byVersion).map((version) => nameOf(type, Number(version))),
    );
    expect(fixtures.map(({ file }) => file).sort()).toEqual(steps.sort());
    for (const { file, stored } of fixtures) {
      expect(nameOf(stored.type, stored.metadata.schemaVersion)).toBe(file);
    }
  });

  it('lift every older version of every event type', () => {
    const needed = allEventDefinitions().flatMap(({ type, version }) =>
      Array.from({ length: version - 1 }, (_, index) => `${type} ${index + 1}`),
    );
    const known = Object.entries(upcasters).flatMap(([type, byVersion]) =>
      Object.keys(byVersion).map((version) => `${type} ${version}`),
    );
    expect(known.sort()).toEqual(needed.sort());
  });
});
