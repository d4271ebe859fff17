import type { CommandSettings } from '../commands/ports.js';
import type { TokenSigner } from '../platform/token-signer.js';
import type { Seams } from './seams.js';
import type { SimulatedDatabase } from './simulated-database.js';
import type { SimulatedJobs } from './simulated-jobs.js';
import type { SimulatedLog } from './simulated-log.js';
import type { SimulatedPaymentSystem } from './simulated-payments.js';
import type { World } from './world.js';

/** What all processes of an office share. */
export interface Surroundings {
  readonly world: World;
  readonly log: SimulatedLog;
  readonly database: SimulatedDatabase;
  readonly payments: SimulatedPaymentSystem;
  readonly jobs: SimulatedJobs;
  readonly settings: CommandSettings;
  /** One for all: it keeps nothing but what it has verified, and making it takes longer than a process's start. */
  readonly signer: TokenSigner;
  readonly seams: Seams;
}

export interface ProcessRole {
  readonly name: string;
  /** The only process there is: its log and timers are its own. */
  readonly isEmbedded: boolean;
  /** Whether it writes read models; otherwise it reads what others wrote. */
  readonly isProjecting: boolean;
  /** How far its clock is from the true time when it starts, ms. */
  readonly clockOffsetMs: number;
  /** Called when it has died, of whatever. */
  readonly onDeath: () => void;
}
