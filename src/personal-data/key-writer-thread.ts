/** Writes keys: all changes that wait go into one transaction, and are answered when it is on disk. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { type KeyChange, KeyFile } from './key-file.js';

export type ToKeyWriter = KeyChange | { readonly kind: 'close' };

export type FromKeyWriter =
  /** The oldest changes are on disk: the user's key after each; undefined when it is destroyed. */
  | { readonly kind: 'written'; readonly keys: readonly (Uint8Array | undefined)[] }
  /** Nothing of the oldest `changes` changes was written. */
  | { readonly kind: 'failed'; readonly changes: number; readonly reason: string };

/** Most changes in one transaction. */
const maxChanges = 512;
/**
 * Pause after a commit. A commit locks readers of the file out, who look again every few milliseconds: without a pause
 * they would find no moment in between while many register.
 */
const restMs = 5;

function serve(port: MessagePort, file: string): void {
  const keys = KeyFile.open(file);
  const waiting: KeyChange[] = [];
  let isClosing = false;
  let isDue = false;

  const write = (changes: readonly KeyChange[]): FromKeyWriter => {
    try {
      return { kind: 'written', keys: keys.write(changes) };
    } catch (error) {
      return { kind: 'failed', changes: changes.length, reason: String(error) };
    }
  };
  const writeWaiting = (): void => {
    const changes = waiting.splice(0, maxChanges);
    if (changes.length > 0) port.postMessage(write(changes));
    if (isClosing && waiting.length === 0) {
      keys.close();
      port.close();
    } else if (changes.length > 0) {
      setTimeout(writeWaiting, restMs);
    } else {
      isDue = false;
    }
  };
  port.on('message', (message: ToKeyWriter) => {
    if (message.kind === 'close') isClosing = true;
    else waiting.push(message);
    if (isDue) return;
    isDue = true;
    // After the messages that have arrived together.
    setImmediate(writeWaiting);
  });
}

if (parentPort === null) throw new Error('keys are written in a worker thread');
// What it throws ends the thread: the other side gets it.
serve(parentPort, String(workerData));
