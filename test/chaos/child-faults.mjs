// Preloaded (--import) into every thread of a process of the office: makes its clock wrong or its disk slow while
// the file $CHAOS_CONTROL_DIR/<process id>.json says so: { "clockShiftMs": 2000, "commitDelayMs": 150 }.
import { readFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { Database } from '../../dist/platform/sqlite.js';

const file = `${process.env.CHAOS_CONTROL_DIR}/${process.pid}.json`;
const lookEveryMs = 50;

function wanted() {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    // Nobody wants anything, or somebody is just writing it down.
    return {};
  }
}

if (isMainThread) {
  // The product's time is Date.now(); performance.now() and timers go on as they are.
  const now = Date.now;
  let clockShiftMs = 0;
  Date.now = () => now() + clockShiftMs;
  setInterval(() => {
    clockShiftMs = wanted().clockShiftMs ?? 0;
  }, lookEveryMs).unref();
}

// A slow disk is a slow fsync, and SQLite waits for it in COMMIT: of the log, in the writer's thread, and of the
// read models, in the main thread.
const statements = Object.getPrototypeOf(new Database(':memory:').prepare('SELECT 1'));
const { run } = statements;
const nobody = new Int32Array(new SharedArrayBuffer(4));
statements.run = function (...parameters) {
  const result = run.apply(this, parameters);
  if (this.source.startsWith('COMMIT')) Atomics.wait(nobody, 0, 0, wanted().commitDelayMs ?? 0);
  return result;
};
