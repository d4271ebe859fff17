/** Deepest nesting any feed format needs, with room to spare. */
const maxDepth = 64;
/** Most brackets and commas: a feed of the largest size that is full of seats has some three million. */
const maxMarks = 4_000_000;

export type Decoded =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly reason: string };

/** What makes a text too much for a parser, found by a scan before it builds millions of lists. */
function excess(text: string): string | undefined {
  let [depth, marks] = [0, 0];
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
      if (depth > maxDepth) return `is nested deeper than ${maxDepth} levels`;
      if (marks > maxMarks) return `has more than ${maxMarks} values`;
    } else if (char === ']' || char === '}') {
      depth -= 1;
    }
  }
  return undefined;
}

/** Parses JSON without ever throwing; text nested too deep or of too many values is not parsed at all. */
export function decodeJson(text: string): Decoded {
  const reason = excess(text);
  if (reason !== undefined) return { ok: false, reason };
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch (error) {
    return { ok: false, reason: `is not JSON: ${error instanceof Error ? error.message : 'unreadable'}` };
  }
}
