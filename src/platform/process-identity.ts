import { readFileSync } from 'node:fs';

/** A process of this machine. Its id alone may be given to another one after it has ended. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in the ticks of Linux since the machine did; 0 where that is not known. */
  readonly startTicks: number;
}

/** This process; the same in all its threads. */
export function thisProcess(): ProcessIdentity {
  return { pid: process.pid, startTicks: startTicksOf(process.pid) ?? 0 };
}

/** Whether the process runs still. Where start times are not known, a later one with its id counts as it. */
export function isRunning({ pid, startTicks }: ProcessIdentity): boolean {
  return startTicks === 0 ? exists(pid) : startTicksOf(pid) === startTicks;
}

/** Undefined when there is no such process, or no Linux. */
function startTicksOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The program's name, in brackets, may contain anything; the start is field 22, counted from 1.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  } catch {
    return undefined;
  }
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it exists and belongs to another user.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
