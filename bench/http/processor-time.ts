import { readFileSync } from 'node:fs';

/** The kernel counts processor time in hundredths of a second. */
const ticksPerSecond = 100;

export interface ProcessorTime {
  /** Of all threads, seconds. */
  readonly process: number;
  /** Of the thread that answers requests, seconds. */
  readonly mainThread: number;
}

/** Processor time a process has used since it began. Linux only: proc(5). */
export function processorTimeOf(pid: number): ProcessorTime {
  return { process: secondsIn(`/proc/${pid}/stat`), mainThread: secondsIn(`/proc/${pid}/task/${pid}/stat`) };
}

function secondsIn(path: string): number {
  const stat = readFileSync(path, 'utf8');
  // The name before may contain spaces; user and system time are fields 14 and 15 of the line.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** The most memory a process has had resident at a time, bytes. Linux only: proc(5). */
export function peakMemoryOf(pid: number): number {
  const kibibytes = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kibibytes) * 1_024;
}
