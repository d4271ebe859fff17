import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import timersPromises from 'node:timers/promises';
import type { Cancel } from './scheduler.js';
import type { World } from './world.js';

/**
 * Replaces Node's timers, clock and random numbers by virtual time and seeded randomness for the duration of a run,
 * so that product code runs unchanged. A timer belongs to the process whose task set it and dies with it.
 * @returns restores the originals.
 */
export function installVirtualNode(world: World): () => void {
  const { scheduler } = world;
  const random = world.random('node');
  const real = {
    setTimeout: globalThis.setTimeout,
    clearTimeout: globalThis.clearTimeout,
    now: Date.now,
    elapsed: performance.now.bind(performance),
    random: Math.random,
    abortAfter: AbortSignal.timeout,
    abortWithAny: AbortSignal.any,
    delay: timersPromises.setTimeout,
    nextTurn: timersPromises.setImmediate,
    uuid: crypto.randomUUID,
  };
  const wait = <Value>(delayMs: number, value: Value, signal?: AbortSignal): Promise<Value> =>
    new Promise((resolve, reject) => {
      const stop = () => {
        cancel();
        reject(signal?.reason);
      };
      const cancel = scheduler.after(delayMs, () => {
        signal?.removeEventListener('abort', stop);
        resolve(value);
      });
      if (signal?.aborted) stop();
      else signal?.addEventListener('abort', stop);
    });

  const earlyMs = () => (world.strikes('timer-early', 0.1, 'a timer') ? 1 : 0);

  // Callers treat what setTimeout returns as an opaque handle; its Node type has more than a simulation needs.
  globalThis.setTimeout = ((run: (...values: unknown[]) => void, delayMs = 0, ...values: unknown[]) => ({
    cancel: scheduler.after(delayMs - earlyMs(), () => run(...values)),
    unref() {},
  })) as unknown as typeof setTimeout;
  globalThis.clearTimeout = ((handle?: { readonly cancel: Cancel }) =>
    handle?.cancel()) as typeof clearTimeout;
  Date.now = () => scheduler.nowMs;
  performance.now = () => scheduler.nowMs;
  Math.random = () => random.next();
  AbortSignal.timeout = (delayMs) => {
    const controller = new AbortController();
    scheduler.after(delayMs, () => controller.abort(new DOMException('timed out', 'TimeoutError')));
    return controller.signal;
  };
  // Node keeps a combined signal with listeners alive until it is aborted. Crashed processes abort nothing, so a whole
  // run would stay in memory.
  AbortSignal.any = (signals) => {
    const controller = new AbortController();
    const sources = [...signals];
    const abort = () => {
      for (const signal of sources) signal.removeEventListener('abort', abort);
      controller.abort(sources.find(({ aborted }) => aborted)?.reason);
    };
    for (const signal of sources) signal.addEventListener('abort', abort);
    if (sources.some(({ aborted }) => aborted)) abort();
    return controller.signal;
  };
  timersPromises.setTimeout = ((delayMs = 0, value: unknown, options?: { signal?: AbortSignal }) =>
    wait(delayMs, value, options?.signal)) as typeof timersPromises.setTimeout;
  timersPromises.setImmediate = ((value: unknown) => wait(0, value)) as typeof timersPromises.setImmediate;
  crypto.randomUUID = () => random.uuid();
  syncBuiltinESMExports();

  return () => {
    globalThis.setTimeout = real.setTimeout;
    globalThis.clearTimeout = real.clearTimeout;
    Date.now = real.now;
    performance.now = real.elapsed;
    Math.random = real.random;
    AbortSignal.timeout = real.abortAfter;
    AbortSignal.any = real.abortWithAny;
    timersPromises.setTimeout = real.delay;
    timersPromises.setImmediate = real.nextTurn;
    crypto.randomUUID = real.uuid;
    syncBuiltinESMExports();
  };
}
