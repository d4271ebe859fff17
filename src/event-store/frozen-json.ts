/**
 * Parses JSON into a deeply frozen value: recorded events are shared between readers, and history is not
 * to be edited.
 * @throws {SyntaxError} when `text` is not JSON.
 */
export function parseFrozen(text: string): unknown {
  const root: unknown = JSON.parse(text);
  // A list instead of recursion: the depth of stored JSON must not decide whether it can be read.
  const values = [root];
  for (const value of values) {
    if (typeof value !== 'object' || value === null) continue;
    for (const child of Object.values(value)) {
      if (typeof child === 'object' && child !== null) values.push(child);
    }
    Object.freeze(value);
  }
  return root;
}
