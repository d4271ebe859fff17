import type { CheckResult, FairnessCheck, FairnessVerdict } from '../../analysis/audit/queue-fairness.js';
import { textTable } from '../text-table.js';

/** What holds when a check is silent. */
const meanings: Record<FairnessCheck, string> = {
  algorithm: 'the places come from the published algorithm',
  'hash-kept': 'the hash is the one that was noted before',
  seed: 'the revealed seed has the hash that was published before the opening',
  numbers: 'numbers were given in order, each to one token',
  places: 'every stated place is the one the seed gives',
  ranges: 'each admission let in the next places in line',
  order: 'nobody was let in before a smaller place or passed over',
};

/** A queue's verdict for people to read. */
export function describeFairness(verdict: FairnessVerdict, askedToken: string | undefined): string {
  const rows = verdict.checks.map((result) => [
    stateOf(result),
    String(result.examined),
    result.check,
    meanings[result.check],
  ]);
  const mismatches = verdict.checks.flatMap(({ check, first, mismatches: all }) => [
    ...first.map((words) => `  ${check}: ${words}`),
    ...(all > first.length ? [`  ${check}: … and ${all - first.length} more`] : []),
  ]);
  return [
    textTable(['', 'FACTS', 'CHECK', 'WHAT HOLDS'], rows),
    `published hash  ${verdict.seedHash}`,
    `revealed seed   ${verdict.seed ?? 'not yet: the queue has not opened'}`,
    ...describeService(verdict),
    ...(askedToken === undefined ? [] : [describeToken(verdict, askedToken)]),
    ...(verdict.fair ? [] : ['What does not match:', ...mismatches]),
    conclusionOf(verdict),
    '',
  ].join('\n');
}

function stateOf({ mismatches, examined }: CheckResult): string {
  if (mismatches > 0) return 'WRONG';
  return examined > 0 ? 'ok' : '-';
}

function describeService({
  opened,
  fans,
  shuffledCount,
  admittedUpTo,
  admissions,
}: FairnessVerdict): string[] {
  if (!opened) return [`${fans} have joined; the shuffle will be drawn when the queue opens.`];
  const last = admissions.last.at(-1);
  const served = last
    ? `Places 0 to ${admittedUpTo - 1} were let in, in ${admissions.count} admissions; the last one at ${last.admittedAt}.`
    : 'Nobody was let in yet.';
  return [
    `${fans} joined: ${shuffledCount} numbers given before the opening were shuffled by the seed, later ones stand in their own order.`,
    served,
  ];
}

function describeToken({ token, shuffledCount }: FairnessVerdict, asked: string): string {
  if (!token) return `Token ${asked} is not in this queue.`;
  const { number, recomputedPlace, state, admittedAt } = token;
  if (recomputedPlace === null) return `Token ${asked}: number ${number}; its place is drawn at the opening.`;
  const reason = number < shuffledCount ? `the seed shuffles number ${number} to` : `number ${number} keeps`;
  const fate = {
    waiting: 'it still waits',
    left: 'it left before its turn',
    admitted: `it was let in at ${admittedAt}`,
  }[state];
  return `Token ${asked}: ${reason} place ${recomputedPlace}, ${recomputedPlace} places before it; ${fate}.`;
}

function conclusionOf({ fair, opened }: FairnessVerdict): string {
  if (!fair) return 'This queue does NOT match what was published.';
  return opened
    ? 'The queue was served in exactly this order.'
    : 'Nothing contradicts the rules so far. Note the hash and check again after the opening with --seed-hash.';
}
