import { XMLParser, XMLValidator } from 'fast-xml-parser';
import type { Decoded } from './decode-json.js';

const parser = new XMLParser({
  ignoreAttributes: true,
  // Ids, dates and "14,483" are text; what is a number is decided where it is used.
  parseTagValue: false,
  trimValues: true,
  isArray: (name) => name === 'db' || name === 'mt13',
  maxNestedTags: 64,
});

/**
 * Parses XML without ever throwing. A document type declaration is refused outright: the feeds have none, and
 * it is how entities are made to expand without end.
 */
export function decodeXml(text: string): Decoded {
  if (/<!(?:DOCTYPE|ENTITY)/i.test(text)) {
    return { ok: false, reason: 'has a document type declaration, which is not accepted' };
  }
  try {
    const valid = XMLValidator.validate(text);
    if (valid !== true) return { ok: false, reason: `is not XML: ${valid.err.msg} (line ${valid.err.line})` };
    return { ok: true, value: parser.parse(text) };
  } catch (error) {
    return { ok: false, reason: `is not XML: ${error instanceof Error ? error.message : 'unreadable'}` };
  }
}
