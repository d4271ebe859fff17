import type { Command } from 'commander';
import type { ExitCode } from './exit-codes.js';
import type { Terminal } from './terminal.js';

/** What `boxoffice start` does and takes. */
export function defineStartCommand(
  command: Command,
  terminal: Terminal,
  done: (code: ExitCode) => void,
): void {
  command
    .description('Runs the server until SIGINT or SIGTERM. Settings come from environment variables.')
    .action(async () => {
      const { runServer } = await import('./start.js');
      done(await runServer(terminal.env, terminal));
    });
}
