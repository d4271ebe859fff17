import { XMLParser, XMLValidator } from 'fast-xml-parser';
import type { Decoded } from './decode-json.js';

const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** The character a reference stands for; the reference itself when XML has no such character. */
function characterOf(reference: string, decimal?: string, hex?: string, name?: string): string {
  if (name !== undefined) return named[name] ?? reference;
  const code = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number.parseInt(decimal, 10);
  const isCharacter = code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  return isCharacter ? String.fromCodePoint(code) : reference;
}

const nothing = () => undefined;

const parser = new XMLParser({
  ignoreAttributes: true,
  // Ids, dates and "14,483" are text; what is a number is decided where it is used.
  parseTagValue: false,
  trimValues: true,
  isArray: (name) => name === 'db' || name === 'mt13',
  maxNestedTags: 64,
  // The parser's own decoder leaves references by number as they are, and bounds how many others there may be.
  entityDecoder: {
    decode: (text) =>
      text.replace(/&(?:#(\d{1,7})|#x([\da-fA-F]{1,6})|(amp|lt|gt|quot|apos));/g, characterOf),
    setExternalEntities: nothing,
    addInputEntities: nothing,
    reset: nothing,
    setXmlVersion: nothing,
  },
});

/** Most tags, opening and closing: the largest answers have some ten thousand. */
const maxTags = 1_000_000;

function hasTooManyTags(text: string): boolean {
  let tags = 0;
  for (let at = text.indexOf('<'); at !== -1 && tags <= maxTags; at = text.indexOf('<', at + 1)) tags += 1;
  return tags > maxTags;
}

/**
 * Parses XML without ever throwing. A document type declaration is refused outright: the feeds have none, and
 * it is how entities are made to expand without end.
 */
export function decodeXml(text: string): Decoded {
  if (/<!(?:DOCTYPE|ENTITY)/i.test(text)) {
    return { ok: false, reason: 'has a document type declaration, which is not accepted' };
  }
  if (hasTooManyTags(text)) return { ok: false, reason: `has more than ${maxTags} tags` };
  try {
    const valid = XMLValidator.validate(text);
    if (valid !== true) return { ok: false, reason: `is not XML: ${valid.err.msg} (line ${valid.err.line})` };
    return { ok: true, value: parser.parse(text) };
  } catch (error) {
    return { ok: false, reason: `is not XML: ${error instanceof Error ? error.message : 'unreadable'}` };
  }
}
