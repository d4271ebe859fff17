/** The first minor version of each line of Node that runs this program, as in `engines` of package.json. */
const firstMinors = new Map([
  [20, 19],
  // The first with Node-API 10. With an older version, loading the SQLite driver ends the process without a message.
  [22, 14],
  [24, 11],
]);
/** The recommended line; every newer line is accepted. */
const currentLine = 24;

/** This version of Node cannot run the program; the message says what to install. */
export class NodeRefused extends Error {
  override readonly name = 'NodeRefused';
}

/**
 * Why this version of Node cannot run the program and what to install, in one sentence; undefined when it can.
 * @param version such as `22.14.0`, from `process.versions.node`.
 */
export function nodeProblem(version: string): string | undefined {
  const [line = 0, minor = 0] = version.split('.').map(Number);
  const firstMinor = firstMinors.get(line);
  if (firstMinor === undefined ? line > currentLine : minor >= firstMinor) return undefined;
  const advice = [
    ...(firstMinor === undefined ? [] : [`Node ${line}.${firstMinor} or a newer ${line}`]),
    ...(line === currentLine ? [] : [`Node ${currentLine} (LTS)`]),
  ];
  return `boxoffice does not run on Node ${version}: install ${advice.join(', or ')}`;
}
