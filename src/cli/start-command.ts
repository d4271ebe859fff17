import type { DefineCommand } from './define-command.js';

/** What `boxoffice start` does and takes. */
export const defineStartCommand: DefineCommand = (command, terminal, done) => {
  command
    .description('Runs the server until SIGINT or SIGTERM. Settings come from environment variables.')
    .action(async () => {
      const { runServer } = await import('./start.js');
      done(await runServer(terminal.env, terminal));
    });
};
