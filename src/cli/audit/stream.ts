import type { Command } from 'commander';
import {
  maxPageEntries,
  type StreamEntry,
  type StreamPage,
  streamPage,
} from '../../analysis/audit/stream-page.js';
import type { Actor } from '../../events/event.js';
import { eventsByCategory } from '../../events/registry.js';
import { readConfig } from '../../platform/config.js';
import { CliFailure, type ExitCode, exitCodes, toWholeNumber } from '../command.js';
import { openLog } from '../open-log.js';
import type { Terminal } from '../terminal.js';

interface Flags {
  readonly json?: boolean;
  readonly from: string;
  readonly limit: string;
}

/** Adds `audit stream`. */
export function addStreamCommand(audit: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  audit
    .command('stream')
    .summary('show what happened to one thing, and why')
    .description(
      'Shows the events of one stream in words: when, by whom, by which command, and related streams. Names of people ' +
        'are not shown.',
    )
    .argument('<name>', `the stream, such as seat-<scheduleId>.<seatId>, order-<orderId> or wallet-<userId>`)
    .option('--from <revision>', 'the first revision to show', '0')
    .option('--limit <events>', `how many to show, up to ${maxPageEntries}`, '100')
    .option('--json', 'print the page as JSON')
    .action(async (name: string, flags: Flags) => {
      const from = toWholeNumber('--from', flags.from, 0, 2 ** 31);
      const limit = toWholeNumber('--limit', flags.limit, 1, maxPageEntries);
      const store = await openLog(readConfig(terminal.env), terminal);
      try {
        const page = await streamPage(store, name, { from, limit });
        if (!page) throw new CliFailure(unknownStream(name), exitCodes.failed);
        terminal.out(flags.json ? `${JSON.stringify(page, null, 2)}\n` : describePage(page));
        done(exitCodes.ok);
      } finally {
        await store.close();
      }
    });
}

function unknownStream(name: string): string {
  const category = name.split('-')[0] ?? '';
  const hint = Object.hasOwn(eventsByCategory, category)
    ? category === 'seat'
      ? 'a seat that was never held has no events'
      : 'it has no events, or the id is wrong'
    : `names begin with ${Object.keys(eventsByCategory).join('-, ')}-`;
  return `there is no stream ${name}: ${hint}`;
}

function describePage({ stream, entries, next }: StreamPage): string {
  const lines = [stream, ...entries.flatMap(describeEntry)];
  if (entries.length === 0) lines.push('  no events from this revision on');
  if (next !== null) lines.push('', `More: --from ${next}`);
  return `${lines.join('\n')}\n`;
}

function describeEntry(entry: StreamEntry): string[] {
  const { revision, position, occurredAt, recordedAt, type, actor, what } = entry;
  return [
    '',
    `${occurredAt ?? `recorded ${recordedAt}`}  @${revision}  position ${position}  ${type}  by ${describeActor(actor)}`,
    `  ${what}`,
    `  command ${entry.commandId ?? '?'}, request ${entry.correlationId ?? '?'}, because of ${entry.causationId ?? '?'}`,
    ...entry.links.map((link) => `  → ${link}`),
  ];
}

function describeActor(actor: Actor | null): string {
  if (actor === null) return 'an unknown actor';
  switch (actor.kind) {
    case 'user':
      return `user ${actor.userId}`;
    case 'admin':
      return actor.operator === undefined
        ? 'an operator'
        : `operator ${actor.operator}${actor.keyId === undefined ? '' : ` (key ${actor.keyId})`}`;
    case 'process':
      return `the process ${actor.name}`;
    case 'anonymous':
      return 'a visitor who is not logged in';
  }
}
