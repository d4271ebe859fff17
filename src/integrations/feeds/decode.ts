import { isUtf8 } from 'node:buffer';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { membersOf } from '../../platform/unique-keys.js';

/** Nesting limit, far above what the feed formats need. */
const maxDepth = 64;
/** Most brackets and commas: a feed of the largest size that is full of seats has some three million. */
const maxMarks = 4_000_000;

export type Decoded =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly reason: string };

export type DecodedText =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly reason: string };

/** Encodings by the marks they begin with; UTF-32 first, whose little-endian mark begins with that of UTF-16. */
const byteOrderMarks: readonly (readonly [encoding: string, ...bytes: number[]])[] = [
  ['utf-32le', 0xff, 0xfe, 0, 0],
  ['utf-32be', 0, 0, 0xfe, 0xff],
  ['utf-8', 0xef, 0xbb, 0xbf],
  ['utf-16le', 0xff, 0xfe],
  ['utf-16be', 0xfe, 0xff],
];

/** The encoding that the first bytes show: by a byte order mark, or by the zero bytes of UTF-16 beside `<`, `{` and `[`. */
function shownEncoding(bytes: Uint8Array): string | undefined {
  const marked = byteOrderMarks.find(([, ...mark]) => mark.every((byte, index) => bytes[index] === byte));
  if (marked) return marked[0];
  const [first = 1, second = 1] = bytes;
  if (first !== 0 && second === 0) return 'utf-16le';
  return first === 0 && second !== 0 ? 'utf-16be' : undefined;
}

/** The encoding an XML declaration states; the declaration itself is ASCII in all of those that are read. */
function declaredEncoding(bytes: Uint8Array): string | undefined {
  const head = Buffer.from(bytes.subarray(0, 200)).toString('latin1');
  return /^\s*<\?xml[^>]*?\sencoding\s*=\s*["']([\w.:-]{1,40})["']/i.exec(head)?.[1];
}

/** Strictly decoded text; undefined when the bytes are not of this encoding, or it is unknown. */
function decodeAs(encoding: string, bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Encodings in which feeds without any declaration are found, to be named in a refusal. */
const guesses = ['euc-kr', 'shift_jis', 'gb18030'];

/**
 * The text of a feed's bytes. UTF-8, whatever it declares, since it cannot be mistaken for another encoding; else the
 * encoding that the byte order mark, the XML declaration or `charset` states. Never guesses: bytes without any of these
 * are refused with the encoding they may be in.
 * @param charset of the feed's media type
 */
export function decodeText(bytes: Uint8Array, charset?: string): DecodedText {
  const shown = shownEncoding(bytes);
  if (shown?.startsWith('utf-32')) {
    return { ok: false, reason: 'is encoded in UTF-32, which is not read: convert it to UTF-8' };
  }
  if (shown === undefined && isUtf8(bytes)) return { ok: true, text: Buffer.from(bytes).toString('utf8') };
  const stated = shown ?? declaredEncoding(bytes) ?? charset;
  const text = stated === undefined ? undefined : decodeAs(stated, bytes);
  if (text !== undefined) return { ok: true, text };
  const guess = guesses.find((encoding) => decodeAs(encoding, bytes) !== undefined);
  const candidate = guess === undefined ? '' : `; it may be ${guess.toUpperCase()}`;
  const convert = `${candidate}: convert it to UTF-8`;
  if (stated === undefined || /^utf-?8$/i.test(stated)) {
    return {
      ok: false,
      reason: `is not valid UTF-8${convert}, or state its encoding in the XML declaration`,
    };
  }
  const known = nameOf(stated);
  const reason =
    known === undefined
      ? `states an encoding that is not known${convert}`
      : `is not valid ${known}, the encoding it states${convert}`;
  return { ok: false, reason };
}

/** An encoding's name for a message; undefined when it is not known: then it may be any text of an answer. */
function nameOf(encoding: string): string | undefined {
  try {
    return new TextDecoder(encoding).encoding.toUpperCase();
  } catch {
    return undefined;
  }
}

/** The members of all objects in a JSON text; or why it is too large to parse, found before the parser builds millions of lists. */
function scan(text: string): { readonly excess: string } | { readonly members: number } {
  let [depth, marks, members] = [0, 0, 0];
  let inString = false;
  for (let index = 0; index < text.length; index++) {
    const char = text[index];
    if (inString) {
      if (char === '\\') index += 1;
      else if (char === '"') inString = false;
    } else if (char === '"') {
      inString = true;
    } else if (char === '[' || char === '{' || char === ',') {
      marks += 1;
      if (char !== ',') depth += 1;
      if (depth > maxDepth) return { excess: `is nested deeper than ${maxDepth} levels` };
      if (marks > maxMarks) return { excess: `has more than ${maxMarks} values` };
    } else if (char === ']' || char === '}') {
      depth -= 1;
    } else if (char === ':') {
      members += 1;
    }
  }
  return { members };
}

/** Parses JSON; never throws. Text that is nested too deep, has too many values, or names a field of one object twice is refused. */
export function decodeJson(text: string): Decoded {
  const scanned = scan(text);
  if ('excess' in scanned) return { ok: false, reason: scanned.excess };
  try {
    const value: unknown = JSON.parse(text);
    // Each member has a colon outside of strings, and one whose key comes again is lost in the value.
    if (membersOf(value) !== scanned.members)
      return { ok: false, reason: 'names a field of one object twice' };
    return { ok: true, value };
  } catch (error) {
    return { ok: false, reason: `is not JSON${placeOf(error)}` };
  }
}

/** Where JSON is wrong, if the parser tells. Its message quotes the text, which may not be a feed at all. */
function placeOf(error: unknown): string {
  const [, place] = /at position (\d+)/.exec(error instanceof Error ? error.message : '') ?? [];
  return place === undefined ? '' : ` (character ${Number(place) + 1})`;
}

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
  // Ids, dates and "14,483" stay text; numbers are parsed where they are used.
  parseTagValue: false,
  trimValues: true,
  isArray: (name) => name === 'db' || name === 'boxof' || name === 'mt13',
  maxNestedTags: 64,
  // The parser's own decoder does not decode numeric references, and limits the number of others.
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
 * Parses XML; never throws. Document type declarations are refused: the feeds have none, and they allow entities that
 * expand without limit.
 */
export function decodeXml(text: string): Decoded {
  if (/<!(?:DOCTYPE|ENTITY)/i.test(text)) {
    return { ok: false, reason: 'has a document type declaration, which is not accepted' };
  }
  if (hasTooManyTags(text)) return { ok: false, reason: `has more than ${maxTags} tags` };
  try {
    const valid = XMLValidator.validate(text);
    if (valid !== true) return { ok: false, reason: `is not XML (line ${valid.err.line})` };
    return { ok: true, value: parser.parse(text) };
  } catch {
    // The parser's message may quote the text.
    return { ok: false, reason: 'is not XML' };
  }
}
