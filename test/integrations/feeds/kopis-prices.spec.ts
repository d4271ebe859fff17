import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { readPriceText } from '../../../src/integrations/feeds/kopis-prices.js';
import { bySize } from '../../services/test-size.js';

const pricesOf = (text: string) =>
  readPriceText(text).prices.map(({ category, won }) => `${category} ${won}`);
const unreadOf = (text: string) => readPriceText(text).unread.map((part) => part.text);

describe('prices of KOPIS', () => {
  it.each([
    ['R석 165,000원, S석 154,000원', ['R석 165000', 'S석 154000']],
    ['R석 70.000원, S석 50.000원', ['R석 70000', 'S석 50000']],
    ['R석 1.165.000원', ['R석 1165000']],
    ['S석 9000원', ['S석 9000']],
    ['전석 3만원', ['* 30000']],
    ['전석 1만5000원', ['* 15000']],
    ['전석 1만 5천원', ['* 15000']],
    ['전석 1만5,000원', ['* 15000']],
    ['전석 1.5만원', ['* 15000']],
    ['전석 5천원', ['* 5000']],
    ['전석 30,000 원', ['* 30000']],
    ['R석 70,000원 S석 50,000원', ['R석 70000', 'S석 50000']],
    ['R석 50,000원 / S석 30,000원', ['R석 50000', 'S석 30000']],
    ['R석 70,000원/S석 50,000원', ['R석 70000', 'S석 50000']],
    ['R석 70,000원\n S석 50,000원', ['R석 70000', 'S석 50000']],
    ['R석: 70,000원; S석=50,000원', ['R석 70000', 'S석 50000']],
    ['１층석 ３０，０００원', ['1층석 30000']],
    ['1층 R석 50,000원, 2층 A1석 30,000원', ['1층 R석 50000', '2층 A1석 30000']],
    ['R석 110,000원, R석(시야제한) 80,000원', ['R석 110000', 'R석(시야제한) 80000']],
    ['전석무료', ['* 0']],
    ['무료', ['* 0']],
    ['전좌석 균일 20,000원', ['* 20000']],
    ['전석 0원', ['* 0']],
    // In the form in which a Mac writes file names.
    ['R석 70,000원'.normalize('NFD'), ['R석 70000']],
  ])('are read: %j', (text, prices) => {
    expect(pricesOf(text)).toEqual(prices);
    expect(unreadOf(text)).toEqual([]);
  });

  it('are read in every spelling of the table in docs/feeds.md', () => {
    const [, table = ''] =
      /Accepted spellings of a KOPIS price:\n\n([\s\S]*?)\n\n/.exec(readFileSync('docs/feeds.md', 'utf8')) ??
      [];
    const texts = table
      .split('\n')
      .flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, text = '']) => text));
    expect(texts.length).toBeGreaterThan(15);
    for (const text of texts) {
      expect({ text, unread: unreadOf(text), prices: pricesOf(text).length }).toMatchObject({ unread: [] });
      expect(pricesOf(text)).not.toEqual([]);
    }
  });

  it.each([
    ['50000원', [], ['50000원']],
    ['10000', [], ['10000']],
    ['미정', [], ['미정']],
    ['전석 ₩30,000', [], ['전석 ₩30,000']],
    ['R석 70.00원', [], ['R석 70.00원']],
    ['R석 1,65,000원', [], ['R석 1,65,000원']],
    ['R석 75천원', [], ['R석 75천원']],
    ['전석 20,000원~30,000원', [], ['전석 20,000원~30,000원']],
    ['전석 20,000원 ~ 30,000원', [], ['전석 20,000원', '~ 30,000원']],
    ['전석 30,000원부터', [], ['전석 30,000원부터']],
    ['R석 70,000원 → 60,000원', [], ['R석 70,000원', '→ 60,000원']],
    ['R석 2매 100,000원', [], ['R석 2매 100,000원']],
    ['만 19세 이상 10,000원', [], ['만 19세 이상 10,000원']],
    ['R석70,000원S석50,000원', [], ['R석70,000원S석50,000원']],
    ['전석 초대(무료)', [], ['전석 초대(무료)']],
    ['전석 30,000원(1인 2매)', ['* 30000'], ['(1인 2매)']],
    ['R석 70,000원 (학생 50,000원)', ['R석 70000'], ['(학생 50,000원)']],
    ['R석 70,000원 (휠체어석) 50,000원', ['R석 70000'], ['(휠체어석) 50,000원']],
    ['무료, R석 10,000원', ['R석 10000'], ['무료']],
    ['R/S석 50,000원', ['S석 50000'], ['R']],
    ['R석 정가 90,000원, S석 50,000원', ['S석 50000'], ['R석 정가 90,000원']],
  ])('are left out and named where they could mean something else: %j', (text, prices, unread) => {
    expect(pricesOf(text)).toEqual(prices);
    expect(unreadOf(text)).toEqual(unread);
  });
});

/** How a price may be written so that it is read, apart from spaces: an account of its own, for the properties below. */
function spellings(won: number): string[] {
  const digits = String(won);
  const grouped = (mark: string) => digits.replace(/\B(?=(\d{3})+$)/g, mark);
  const [man, rest] = [Math.floor(won / 10_000), won % 10_000];
  const texts = [digits, grouped(','), grouped('.')];
  if (man > 0 && man < 10_000) {
    if (rest === 0) texts.push(`${man}만`);
    else if (rest >= 1000) {
      texts.push(`${man}만${rest}`, `${man}만${String(rest).replace(/(?=\d{3}$)/, ',')}`);
      if (rest % 1000 === 0) texts.push(`${man}만${rest / 1000}천`, `${won / 10_000}만`);
    }
  }
  if (won < 10_000 && won % 1000 === 0 && won > 0) texts.push(`${won / 1000}천`);
  return [...new Set(texts)].map((text) => `${text}원`);
}

const withoutSpaces = (text: string) => text.replace(/\s/g, '');
const names = ['R석', 'S석', 'VIP석', '1층 R석', 'R석(시야제한)', '일반', '스탠딩석', 'A1석', '전석'];
const separator = fc.constantFrom(', ', ',', ' / ', '/', '\n', ' ', '; ');
const won = fc.oneof(
  fc.integer({ min: 1, max: 400 }).map((thousands) => thousands * 1000),
  fc.integer({ min: 100, max: 2_000_000 }),
);
const price = won.chain((amount) =>
  fc.record({ amount: fc.constant(amount), written: fc.constantFrom(...spellings(amount)) }),
);
const sound = fc
  .record({
    chosen: fc.subarray(names, { minLength: 1 }),
    prices: fc.array(price, { minLength: 9, maxLength: 9 }),
    separator,
  })
  .map(({ chosen, prices, separator: between }) => {
    const items = chosen.map((name, index) => ({
      name,
      ...(prices[index] ?? { amount: 0, written: '0원' }),
    }));
    return { text: items.map(({ name, written }) => `${name} ${written}`).join(between), items };
  });

describe('readings of KOPIS prices', () => {
  it('are right for every accepted spelling', () => {
    fc.assert(
      fc.property(sound, ({ text, items }) => {
        const { prices, unread } = readPriceText(text);
        expect(unread).toEqual([]);
        expect(prices.map((one) => [one.category, one.won])).toEqual(
          items.map(({ name, amount }) => [name === '전석' ? '*' : name, amount]),
        );
      }),
      { numRuns: bySize(200, 2000) },
    );
  });

  it('are never silent: every word is read as a price of an accepted spelling, or named', () => {
    const character = fc.constantFrom(...'0123456789,.~-만천원석R무료전()/:₩ \n');
    const edit = fc.record({
      at: fc.nat({ max: 200 }),
      remove: fc.nat({ max: 3 }),
      put: fc.array(character, { maxLength: 3 }),
    });
    const edited = fc.tuple(sound, fc.array(edit, { maxLength: 4 })).map(([{ text }, edits]) =>
      edits.reduce((whole, { at, remove, put }) => {
        const from = at % (whole.length + 1);
        return whole.slice(0, from) + put.join('') + whole.slice(from + remove);
      }, text),
    );
    const noise = fc.array(character, { maxLength: 40 }).map((parts) => parts.join(''));
    const charactersOf = (texts: readonly string[]) =>
      [...texts.join('').replace(/[\s,/;|]/g, '')].sort().join('');
    fc.assert(
      fc.property(fc.oneof({ weight: 3, arbitrary: edited }, noise), (text) => {
        const { prices, unread } = readPriceText(text);
        expect(charactersOf([...prices, ...unread].map((part) => part.text))).toBe(charactersOf([text]));
        for (const { category, won: amount, text: words } of prices) {
          const written = withoutSpaces(words);
          const accepted = [...spellings(amount), ...(amount === 0 ? ['무료'] : [])];
          const isKnown = accepted.some((ending) => {
            if (!written.endsWith(ending)) return false;
            const before = written.slice(0, written.length - ending.length).replace(/[:=]$/, '');
            return category === '*'
              ? /^(?:전(?:체|좌)*석(?:균일가?)?|균일가?|)$/.test(before)
              : before === withoutSpaces(category);
          });
          expect({ words, category, amount, isKnown }).toMatchObject({ isKnown: true });
        }
      }),
      { numRuns: bySize(2000, 20_000) },
    );
  });
});
