import type { z } from 'zod';
import type { Candidate, ProblemList } from './feed.js';
import { elementsIn, isObject } from './values.js';

/** Lists whose invalid elements are left out without losing the record. */
const lists = ['sections', 'rows', 'seats', 'schedules', 'decorations'] as const;
/**
 * Most list elements of a record: more than a venue of 100,000 seats needs, and few enough to check each.
 */
const maxElements = 250_000;
/** Lists that must not be empty: without elements, their owner is left out too. */
const neverEmptied: readonly string[] = ['sections', 'rows', 'seats'];

const pathText = (path: readonly PropertyKey[]) =>
  path.reduce<string>(
    (text, key) =>
      typeof key === 'number' ? `${text}[${key}]` : `${text}${text === '' ? '' : '.'}${String(key)}`,
    '',
  );

/** How many keys of `path` lead to the innermost element that can be left out; 0 if there is none. */
function elementDepth(path: readonly PropertyKey[]): number {
  for (let depth = path.length; depth >= 2; depth--) {
    if (typeof path[depth - 1] === 'number' && lists.some((list) => list === path[depth - 2])) return depth;
  }
  return 0;
}

/** A copy of `value` without the elements at the paths `bad`; undefined when nothing useful remains. */
function without(value: unknown, path: string, bad: ReadonlySet<string>): unknown {
  if (!isObject(value)) return value;
  const copy: Record<string, unknown> = { ...value };
  for (const list of lists) {
    const elements: unknown = value[list];
    if (!Array.isArray(elements)) continue;
    const kept = elements.flatMap((element: unknown, index) => {
      const elementPath = `${path}${path === '' ? '' : '.'}${list}[${index}]`;
      const rest = bad.has(elementPath) ? undefined : without(element, elementPath, bad);
      return rest === undefined ? [] : [rest];
    });
    if (kept.length === 0 && elements.length > 0 && neverEmptied.includes(list)) return undefined;
    copy[list] = kept;
  }
  return copy;
}

function report(
  issues: readonly z.core.$ZodIssue[],
  candidate: Candidate,
  problems: ProblemList,
  depthOf: (path: readonly PropertyKey[]) => number,
): void {
  for (const { path, message } of issues) {
    const depth = depthOf(path);
    const element = pathText(path.slice(0, depth));
    const field = pathText(path.slice(depth));
    problems.add({
      record: element === '' ? candidate.record : `${candidate.record}, ${element}`,
      ...(field === '' ? {} : { field }),
      reason: message,
      effect: 'skipped',
    });
  }
}

/**
 * Checks a candidate against `schema`. Seats, rows, sections, schedules and decorations that fail are left out
 * one by one; any other fault leaves out the whole record. Everything left out is reported.
 * @returns the record, or undefined when nothing useful remains
 */
export function validateRecord<Schema extends z.ZodType>(
  schema: Schema,
  candidate: Candidate,
  problems: ProblemList,
): z.output<Schema> | undefined {
  if (elementsIn(candidate.value, maxElements) > maxElements) {
    const reason = `holds more than ${maxElements} seats, points and other elements`;
    problems.add({ record: candidate.record, reason, effect: 'skipped' });
    return undefined;
  }
  const first = schema.safeParse(candidate.value);
  if (first.success) return first.data;
  const { issues } = first.error;
  const fatal = issues.filter((issue) => elementDepth(issue.path) === 0);
  if (fatal.length > 0) {
    report(fatal, candidate, problems, () => 0);
    return undefined;
  }
  report(issues, candidate, problems, elementDepth);
  const bad = new Set(issues.map((issue) => pathText(issue.path.slice(0, elementDepth(issue.path)))));
  const rest = without(candidate.value, '', bad);
  if (rest === undefined) {
    problems.add({ record: candidate.record, reason: 'nothing of it can be used', effect: 'skipped' });
    return undefined;
  }
  const second = schema.safeParse(rest);
  if (second.success) return second.data;
  report(second.error.issues, candidate, problems, () => 0);
  return undefined;
}
