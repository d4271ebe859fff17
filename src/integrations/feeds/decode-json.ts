/** Deepest nesting any feed format needs, with room to spare. */
const maxDepth = 64;

export type Decoded =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly reason: string };

/** Whether brackets nest deeper than {@link maxDepth}: found by a scan, before a parser builds millions of arrays. */
function nestsTooDeep(text: string): boolean {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < text.length; index++) {
    const char = text[index];
    if (inString) {
      if (char === '\\') index += 1;
      else if (char === '"') inString = false;
    } else if (char === '"') inString = true;
    else if (char === '[' || char === '{') {
      depth += 1;
      if (depth > maxDepth) return true;
    } else if (char === ']' || char === '}') depth -= 1;
  }
  return false;
}

/** Parses JSON without ever throwing; text nested deeper than 64 levels is not parsed at all. */
export function decodeJson(text: string): Decoded {
  if (nestsTooDeep(text)) return { ok: false, reason: `is nested deeper than ${maxDepth} levels` };
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch (error) {
    return { ok: false, reason: `is not JSON: ${error instanceof Error ? error.message : 'unreadable'}` };
  }
}
