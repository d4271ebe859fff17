import { decodeText } from '../../../src/integrations/feeds/decode.js';
import { parseFeedBytes } from '../../../src/integrations/feeds/parse-feed.js';

const text = '<?xml version="1.0" encoding="EUC-KR"?><dbs>공연</dbs>';
/** "공연" in EUC-KR. */
const hangul = Buffer.from([0xb0, 0xf8, 0xbf, 0xac]);
const inEucKr = (before: string, after: string) =>
  Buffer.concat([Buffer.from(before), hangul, Buffer.from(after)]);
const utf16be = (value: string) => Buffer.from(value, 'utf16le').swap16();

describe('the encoding of a feed', () => {
  it.each([
    ['UTF-8', Buffer.from(text)],
    ['UTF-8 with a byte order mark', Buffer.from(`\uFEFF${text}`)],
    ['UTF-16LE with a byte order mark', Buffer.from(`\uFEFF${text}`, 'utf16le')],
    ['UTF-16BE with a byte order mark', utf16be(`\uFEFF${text}`)],
    ['UTF-16LE without a byte order mark', Buffer.from(text, 'utf16le')],
    ['UTF-16BE without a byte order mark', utf16be(text)],
    [
      'the encoding of the XML declaration',
      inEucKr('<?xml version="1.0" encoding="EUC-KR"?><dbs>', '</dbs>'),
    ],
  ])('may be %s', (_, bytes) => {
    const decoded = decodeText(bytes);
    expect(decoded.ok && decoded.text.replace(/^\uFEFF/, '')).toBe(text);
  });

  it('may be that of the media type', () => {
    expect(decodeText(inEucKr('{"a":"', '"}'), 'euc-kr')).toEqual({ ok: true, text: '{"a":"공연"}' });
  });

  it.each([
    ['UTF-32', Buffer.from([0xff, 0xfe, 0, 0, 0x3c, 0, 0, 0]), /UTF-32, which is not read/],
    ['none of those stated', inEucKr('{"a":"', '"}'), /is not valid UTF-8; it may be EUC-KR: convert it/],
    ['no known text', Buffer.from([0x7b, 0xff, 0xff, 0xff]), /is not valid UTF-8: convert it/],
    [
      'not the one declared',
      inEucKr('<?xml version="1.0" encoding="UTF-16LE-X"?><dbs>', '</dbs>'),
      /states an encoding that is not known; it may be EUC-KR: convert it to UTF-8/,
    ],
    [
      'cut in the middle of a character',
      Buffer.from('\uFEFF<a', 'utf16le').subarray(0, 5),
      /is not valid UTF-16LE/,
    ],
  ])('is named in the refusal when it is %s', (_, bytes, reason) => {
    expect(parseFeedBytes({ bytes, options: {} })).toMatchObject({
      kind: 'refused',
      problems: [{ record: 'feed', effect: 'refused', reason: expect.stringMatching(reason) }],
    });
  });
});
