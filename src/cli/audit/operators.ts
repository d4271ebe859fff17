import type { Command } from 'commander';
import { type OperatorAction, operatorActions } from '../../analysis/audit/operator-actions.js';
import { pagesOf } from '../../event-store/reading.js';
import { readConfig } from '../../platform/config.js';
import { type ExitCode, exitCodes } from '../command.js';
import { openLog } from '../open-log.js';
import { stopOnSignal, type Terminal } from '../terminal.js';

interface Flags {
  readonly operator?: string;
  readonly json?: boolean;
}

/** Adds `audit operators`. */
export function addOperatorsCommand(
  audit: Command,
  terminal: Terminal,
  done: (code: ExitCode) => void,
): void {
  audit
    .command('operators')
    .summary('show which operator did what')
    .description(
      'Reads the whole log, with or without a running server, and shows what operators did: when, who, with which key, in ' +
        'which request, and what it wrote. Pauses and rebuilds of read models write no events: they are in the log lines ' +
        'of the server (securityEvent "operator-action").',
    )
    .option(
      '--operator <name>',
      'of this operator only; "environment": by the key of the environment; "data-folder": by commands without a server',
    )
    .option('--json', 'print one JSON object a line')
    .action(async ({ operator, json }: Flags) => {
      const store = await openLog(readConfig(terminal.env), terminal);
      const stop = stopOnSignal();
      try {
        const log = pagesOf((options) => {
          stop.signal.throwIfAborted();
          return store.readAll(options);
        });
        for await (const action of operatorActions(log, operator)) {
          terminal.out(json ? `${JSON.stringify(action)}\n` : describeAction(action));
        }
        done(exitCodes.ok);
      } catch (error) {
        if (!stop.signal.aborted) throw error;
        done(exitCodes.interrupted);
      } finally {
        stop.ignore();
        await store.close();
      }
    });
}

/** Streams named of one action; `--json` names more. */
const shownStreams = 3;

function describeAction({
  at,
  operator,
  keyId,
  correlationId,
  position,
  events,
  streams,
}: OperatorAction): string {
  const what = Object.entries(events).map(([type, count]) => (count === 1 ? type : `${count} ${type}`));
  const where = `${streams.slice(0, shownStreams).join(', ')}${streams.length > shownStreams ? ', …' : ''}`;
  return (
    `${at}  ${operator}${keyId === null ? '' : `  key ${keyId}`}  request ${correlationId}  position ${position}\n` +
    `  ${what.join(', ')} in ${where}\n`
  );
}
