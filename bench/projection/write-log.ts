import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/**
 * Makes a log of a concert and of so many fans' bookings, in the embedded engine's file. A process of its own writes it, so
 * that its heap is gone when the measurement begins.
 */
export async function writeLog(file: string, journeys: number): Promise<void> {
  const program = fileURLToPath(new URL('./log-writer.js', import.meta.url));
  const [code] = await once(fork(program, [file, String(journeys)]), 'exit');
  if (code !== 0) throw new Error(`the log's writer ended with ${code}`);
}
