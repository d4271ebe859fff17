import { runServer } from '../../src/cli/start.js';
import { CapturedTerminal } from '../cli/captured-terminal.js';
import { Fan } from './fan.js';
import type { AnyOffice } from './modes.js';
import { openSmallHall } from './small-hall.js';

/** Starts a server that must refuse. @returns its exit code and what it says. */
export async function refusedStart(env: Readonly<Record<string, string>>) {
  const terminal = new CapturedTerminal();
  const code = await runServer(env, terminal);
  return { code, says: terminal.stderr };
}

/** As many events each time, so that logs of several runs are of equal length. */
export async function doBusiness(office: AnyOffice, id: string): Promise<Fan> {
  await openSmallHall(office, { id, rows: 1, seatsPerRow: 2 });
  const fan = await new Fan(office).arrive();
  await fan.charge(500);
  return fan;
}

/** The points a fan has. */
export const balanceOf = async (fan: Fan) => (await fan.call('GET', '/v1/wallet')).body.balance;
