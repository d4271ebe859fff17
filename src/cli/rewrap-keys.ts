import { PersonalKeysRefused } from '../personal-data/key-file.js';
import { readConfig } from '../platform/config.js';
import { CliFailure, type DefineCommand, exitCodes } from './command.js';
import { openKeysOfLog } from './open-log.js';
import { counted } from './terminal.js';

/** What `boxoffice rewrap-keys` does and takes. */
export const defineRewrapKeysCommand: DefineCommand = (command, terminal, done) => {
  command
    .description(
      'Encrypts the keys of personal data with the new DATA_SECRET that are still encrypted with DATA_SECRET_PREVIOUS, ' +
        'which is not needed afterwards. Servers may run; all of them must have the new secret already. Repeating it is safe.',
    )
    .action(async () => {
      const { keys, close } = await openKeysOfLog(readConfig(terminal.env), terminal);
      try {
        const rewrapped = await keys.rewrap();
        const wereWrapped = counted(rewrapped, 'key was', 'keys were');
        terminal.out(`${wereWrapped} encrypted anew; the previous secret of personal data can be removed\n`);
        done(exitCodes.ok);
      } catch (error) {
        if (error instanceof PersonalKeysRefused) throw new CliFailure(error.message, exitCodes.failed);
        throw error;
      } finally {
        await close();
      }
    });
};
