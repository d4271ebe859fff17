import { startVirtualPaymentSystem, type VirtualPaymentSystemOptions } from './server.js';

/**
 * Runs the virtual payment system until the process is told to stop (SIGINT, SIGTERM) or `stop` aborts.
 * Prints where it listens; resolves when everything is closed.
 * @throws when it cannot start (address taken, ledger unreadable).
 */
export async function runVirtualPaymentSystem(
  options: VirtualPaymentSystemOptions,
  stop: AbortSignal = stopSignal(),
  print: (line: string) => void = console.log,
): Promise<void> {
  const system = await startVirtualPaymentSystem({ log: print, ...options });
  print(`payment system listening on ${system.url}, ledger in ${options.file}`);
  if (!stop.aborted) await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }));
  await system.close();
}

function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => controller.abort());
  return controller.signal;
}
