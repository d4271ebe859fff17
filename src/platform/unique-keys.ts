const quote = 0x22;
const backslash = 0x5c;
const colon = 0x3a;

/**
 * Whether an object of a JSON text has a key twice. JSON.parse keeps the last one; another program that reads the same
 * text, such as a proxy that checks it, may keep the first.
 *
 * Each member has one colon outside of strings, and a member whose key comes again is lost in the value: so they are
 * counted, which costs half of what parsing costs.
 * @param value what JSON.parse made of the text.
 */
export function hasDuplicateKeys(text: string, value: unknown): boolean {
  return membersIn(text) !== membersOf(value);
}

/** Members of all objects in a valid JSON text. */
function membersIn(text: string): number {
  let members = 0;
  let inString = false;
  for (let index = 0; index < text.length; index++) {
    const char = text.charCodeAt(index);
    if (inString) {
      if (char === backslash) index++;
      else if (char === quote) inString = false;
    } else if (char === quote) {
      inString = true;
    } else if (char === colon) {
      members++;
    }
  }
  return members;
}

/** Members of all objects of a value that JSON.parse has made; it may be nested as deeply as JSON.parse allows. */
export function membersOf(value: unknown): number {
  let members = 0;
  const left: unknown[] = [value];
  while (left.length > 0) {
    const next = left.pop();
    if (typeof next !== 'object' || next === null) continue;
    const isList = Array.isArray(next);
    const parts: readonly unknown[] = isList ? next : Object.values(next);
    if (!isList) members += parts.length;
    for (const part of parts) if (typeof part === 'object' && part !== null) left.push(part);
  }
  return members;
}
