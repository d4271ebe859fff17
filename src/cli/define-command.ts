import type { Command } from 'commander';
import type { ExitCode } from './exit-codes.js';
import type { Terminal } from './terminal.js';

/** Gives a command its description, arguments and action. @param done takes the exit code when the action is over. */
export type DefineCommand = (command: Command, terminal: Terminal, done: (code: ExitCode) => void) => void;
