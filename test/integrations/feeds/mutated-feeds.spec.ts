import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { ImportCatalog } from '../../../src/commands/catalog/import-catalog.js';
import { catalogDocumentSchema } from '../../../src/domain/catalog-document.js';
import { parseFeed } from '../../../src/integrations/feeds/parse-feed.js';
import { wholeLog } from '../../commands/audit.js';
import { createCommandSide } from '../../commands/box-office.js';
import { freshContext } from '../../commands/theatre.js';
import { bySize } from '../../services/test-size.js';
import { problemsOf } from './feed-results.js';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const catalog: Json = JSON.parse(
  /```json\n([\s\S]*?)```/.exec(readFileSync('docs/feeds.md', 'utf8'))?.[1] ?? '',
);

const seat = (guid: string, x: number) => ({
  seat_guid: guid,
  seat_number: guid.slice(-1),
  position: { x, y: 0 },
  category: 'R',
});
const plan: Json = {
  name: 'Hall',
  categories: [{ name: 'R', color: '#ff0000' }],
  size: { width: 100, height: 100 },
  zones: [
    {
      name: 'Floor',
      zone_id: 'F',
      position: { x: 0, y: 10 },
      rows: [
        { row_number: 'A', position: { x: 0, y: 0 }, seats: [seat('A-1', 0), seat('A-2', 25)] },
        { row_number: 'B', position: { x: 0, y: 30 }, seats: [seat('B-1', 0), seat('B-2', 25)] },
      ],
      areas: [
        {
          shape: 'rectangle',
          position: { x: 0, y: 0 },
          rotation: 0,
          color: '#cccccc',
          rectangle: { width: 50, height: 5 },
          text: { position: { x: 25, y: 2 }, text: 'Stage' },
        },
      ],
    },
  ],
};

const events: Json = {
  _embedded: {
    events: [
      {
        id: 'E1',
        name: 'The Band',
        dates: {
          start: { localDate: '2026-09-11', localTime: '19:00:00', dateTime: '2026-09-11T09:00:00Z' },
          timezone: 'Australia/Brisbane',
          status: { code: 'onsale' },
        },
        priceRanges: [{ type: 'standard', currency: 'AUD', min: 50, max: 50 }],
        sales: { public: { startDateTime: '2026-06-01T00:00:00Z' } },
        _embedded: { venues: [{ id: 'V1', name: 'The Theatre', city: { name: 'Brisbane' } }] },
      },
    ],
  },
  page: { totalElements: 1 },
};

const kopis = `<dbs><db><mt20id>PF1</mt20id><mt13id>FC9-01</mt13id><prfnm>여름밤</prfnm><prfpdfrom>2026.09.18</prfpdfrom>
<prfpdto>2026.09.27</prfpdto><fcltynm>큰 공연장 (아레나)</fcltynm><pcseguidance>R석 165,000원, S석 154,000원</pcseguidance>
<sty>여름밤의 음악회</sty><area>인천광역시</area><mt10id>FC9</mt10id><dtguidance>토요일(17:00)</dtguidance></db></dbs>`;

/** What a value may turn into: of its kind, of another kind, far out of range. */
const anything = fc.oneof(
  fc.constantFrom<Json>(null, true, 0, -1, 1.5, 1e308, '', ' ', 'A-1', 'x'.repeat(400), [], {}),
  fc.constantFrom<Json>('2026-09-31', '2026-09-11', '9999-12-31T23:59:59Z', '\u0000', '𝒳', '__proto__'),
  fc.string({ maxLength: 8 }),
);

/** A change of one value of a document: replaced, left out, or there twice. */
const change = fc.record({
  at: fc.nat({ max: 10_000 }),
  how: fc.constantFrom('replace', 'remove', 'repeat' as const),
  by: anything,
});
type Change = typeof change extends fc.Arbitrary<infer Value> ? Value : never;

function mutated(document: Json, { at, how, by }: Change): Json {
  const copy = structuredClone(document);
  const places: [Json[] | { [key: string]: Json }, string][] = [];
  const visit = (value: Json) => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      places.push([value, key]);
      visit(inner);
    }
  };
  visit(copy);
  const place = places[at % places.length];
  if (!place) return copy;
  const [parent, key] = place;
  if (Array.isArray(parent)) {
    const index = Number(key);
    const old = parent[index] ?? null;
    parent.splice(index, 1, ...(how === 'remove' ? [] : how === 'repeat' ? [old, old] : [by]));
  } else if (how === 'remove') {
    delete parent[key];
  } else {
    parent[key] = how === 'repeat' ? [parent[key] ?? null, parent[key] ?? null] : by;
  }
  return copy;
}

/** A text with a piece of it replaced by other text, left out, or there twice. */
function mutatedText(text: string, { at, how, by }: Change): string {
  const pieces = text.split(/(?=<)|(?<=>)|(?=[.,()~])/);
  const index = at % pieces.length;
  const old = pieces[index] ?? '';
  pieces.splice(index, 1, how === 'remove' ? '' : how === 'repeat' ? old + old : String(by));
  return pieces.join('');
}

const texts: Record<string, (changes: readonly Change[]) => string> = {
  boxoffice: (changes) => JSON.stringify(changes.reduce(mutated, catalog)),
  pretix: (changes) => JSON.stringify(changes.reduce(mutated, plan)),
  ticketmaster: (changes) => JSON.stringify(changes.reduce(mutated, events)),
  kopis: (changes) => changes.reduce(mutatedText, kopis),
};

/** The label of a venue or performance, not of a part of one. */
const ownLabel = /^(?:performance|event|venue|facility|plan)(?: "[^"]*")?(?: \([^)]*\))?$/;

/** A record is reported as skipped only when it is not in the document. */
function expectTrueReports(result: ReturnType<typeof parseFeed>): void {
  const { venues, performances } =
    result.kind === 'parsed' ? result.document : { venues: [], performances: [] };
  const published = new Set([...venues, ...performances].map(({ id }) => id));
  const untrue = result.problems.filter(
    ({ effect, record, about = '' }) => effect === 'skipped' && ownLabel.test(record) && published.has(about),
  );
  expect(untrue).toEqual([]);
  const grouped = result.groups.reduce((sum, { count }) => sum + count, 0);
  expect(grouped).toBe(result.problems.length + result.moreProblems);
}

async function importTwice(text: string): Promise<void> {
  const result = parseFeed({ text, options: {} });
  expectTrueReports(result);
  for (const { record, reason } of result.problems) {
    expect(record).not.toBe('');
    expect(reason).not.toBe('');
  }
  if (result.kind === 'refused') {
    expect(result.problems).not.toHaveLength(0);
    return;
  }
  expect(catalogDocumentSchema.safeParse(result.document).error).toBeUndefined();
  expect(problemsOf(result.document)).toEqual([]);
  const side = createCommandSide();
  await side.execute(new ImportCatalog(result.document, freshContext()));
  const log = await wholeLog(side.store);
  const again = await side.execute(new ImportCatalog(result.document, freshContext()));
  expect(again.records.filter(({ outcome }) => outcome !== 'unchanged' && outcome !== 'skipped')).toEqual([]);
  expect(await wholeLog(side.store)).toHaveLength(log.length);
}

describe.each(Object.entries(texts))('a feed of the format %s', (_, text) => {
  it('can be imported as it is', () => {
    expect(parseFeed({ text: text([]), options: {} })).toMatchObject({ kind: 'parsed', problems: [] });
  });

  it('is refused with reasons, or imported, and then changes nothing a second time, whatever is changed in it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) =>
        importTwice(text(changes)),
      ),
      { numRuns: bySize(15, 40) },
    );
  });
});
