import { join } from 'node:path';
import { dataFiles } from '../app/engines.js';
import { runVirtualPaymentSystem } from '../integrations/payment/virtual/server.js';
import { createDataDir, readConfig } from '../platform/config.js';
import { assertFitForProduction } from '../platform/production.js';
import { resolveSecrets } from '../platform/secrets.js';
import { CliFailure, collect, type DefineCommand, exitCodes } from './command.js';

interface Flags {
  readonly host: string;
  readonly port: string;
  readonly file?: string;
  readonly callbackHost?: readonly string[];
}

/** What `boxoffice payment-system` does and takes. */
export const definePaymentSystemCommand: DefineCommand = (command, terminal, done) => {
  command
    .description(
      'Runs the virtual payment system (docs/payment-system.md) until it is stopped. Its keys are PAYMENT_API_KEY ' +
        'and PAYMENT_CALLBACK_SECRET, or those that a server on DATA_DIR uses.',
    )
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <number>', 'port to listen on; 0 picks a free one', '4010')
    .option('--file <path>', 'the ledger (default: in DATA_DIR)')
    .option(
      '--callback-host <host>',
      'a host that callbacks may go to, besides loopback; may be repeated',
      collect,
    )
    .action(async (flags: Flags) => {
      if (!/^\d{1,5}$/.test(flags.port) || Number(flags.port) > 65_535) {
        throw new CliFailure(`--port: ${flags.port} is not a port number`);
      }
      const config = readConfig(terminal.env);
      assertFitForProduction(config, { isPaymentSystem: true });
      const secrets = resolveSecrets(config);
      if (flags.file === undefined) createDataDir(config.DATA_DIR);
      const options = {
        host: flags.host,
        port: Number(flags.port),
        file: flags.file ?? join(config.DATA_DIR, dataFiles.payments),
        apiKey: secrets.paymentApiKey,
        callbackSecret: secrets.paymentCallbackSecret,
        callbackHosts: flags.callbackHost ?? [],
      };
      try {
        await runVirtualPaymentSystem(options, undefined, (line) => terminal.out(`${line}\n`));
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new CliFailure(`the payment system cannot start: ${reason}`, exitCodes.failed);
      }
      done(exitCodes.ok);
    });
};
