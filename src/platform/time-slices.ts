/** How long the work of one turn keeps the event loop, ms. */
const sliceMs = 8;
/** Reading the clock costs about as much as a small piece of work. */
const stepsPerLook = 16;

interface Job {
  /** Does one step. @returns whether it was the last one. */
  readonly step: () => boolean;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

/** Work under way, of the whole process: together it takes one slice of each turn of the event loop. */
const jobs: Job[] = [];
let isPlanned = false;

/**
 * Does a long piece of work in slices, between which requests have their turn; the first one at once, unless other such
 * work is under way. @throws what `work` throws.
 */
export function inSlices<Item>(items: Iterable<Item>, work: (item: Item) => void): Promise<void> {
  const iterator = items[Symbol.iterator]();
  const step = () => {
    const next = iterator.next();
    if (!next.done) work(next.value);
    return next.done === true;
  };
  return new Promise((done, failed) => {
    jobs.push({ step, done, failed });
    if (!isPlanned) runSlice();
  });
}

function runSlice(): void {
  const endsAtMs = performance.now() + sliceMs;
  isPlanned = true;
  for (let job = jobs.shift(); job; job = jobs.shift()) {
    if (!runJob(job, endsAtMs)) jobs.push(job);
    if (performance.now() >= endsAtMs) break;
  }
  isPlanned = jobs.length > 0;
  if (isPlanned) setImmediate(runSlice);
}

/** @returns whether the job is over. */
function runJob({ step, done, failed }: Job, endsAtMs: number): boolean {
  try {
    do {
      for (let steps = 0; steps < stepsPerLook; steps++) {
        if (!step()) continue;
        done();
        return true;
      }
    } while (performance.now() < endsAtMs);
    return false;
  } catch (error) {
    failed(error);
    return true;
  }
}
