import type { Command } from '@nestjs/cqrs';

/** Where processes send commands: the command bus fits. */
export interface Commands {
  execute<Result>(command: Command<Result>): Promise<Result>;
}

/** What a process needs of a logger; pino's fits. */
export interface ProcessLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}
