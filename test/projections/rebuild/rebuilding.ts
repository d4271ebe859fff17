import { randomUUID } from 'node:crypto';
import type { SessionId, UserId } from '../../../src/events/ids.js';
import { streams } from '../../../src/events/streams.js';
import { usersProjection } from '../../../src/projections/account.js';
import { allProjections } from '../../../src/projections/all-projections.js';
import { tablesOf } from '../../../src/projections/engine/projection.js';
import type { ReadModels } from '../../../src/projections/open-read-models.js';
import type { RebuildOptions } from '../../../src/projections/rebuild/rebuild.js';
import { addRebuild, type RebuildReport } from '../../../src/projections/rebuild/rebuild-record.js';
import { runRebuild } from '../../../src/projections/rebuild/rebuilder.js';
import { walletsProjection } from '../../../src/projections/wallet.js';
import { type History, id, minute, rowsOf } from '../history.js';
import { charge, order, type Story } from '../story.js';
import { locationOf } from '../test-databases.js';

type Choice = Partial<RebuildOptions> & { compareOnly?: boolean; restart?: boolean };

/** Tables that are read together, and not so many that a server takes long to make them. */
export const some = [usersProjection, walletsProjection];

/** When tests rebuild, unless they let a lease run out. */
export const rebuildAt = minute(0);

/** Writes a rebuild down and runs it, as the command does. */
export async function rebuildNow(
  history: History,
  models: ReadModels,
  { compareOnly = false, restart = false, ...options }: Choice = {},
  at = rebuildAt,
): Promise<RebuildReport> {
  const rebuildId = randomUUID();
  const projections = options.projections ?? allProjections;
  const request = { names: projections.map(({ name }) => name), compareOnly, restart };
  const isOurs = await models.dialect.withSession(models.write, (session) =>
    addRebuild(session, { rebuildId, status: 'running', request }, at),
  );
  if (!isOurs) throw new Error('another rebuild runs');
  return runRebuild({
    rebuildId,
    store: history.store,
    models,
    location: options.location ?? locationOf(models),
    projections,
    request,
    pauseMs: 0,
    signal: new AbortController().signal,
    clock: { now: () => at, nowMs: () => Date.parse(at) },
    ...options,
  });
}

/** One fan who buys one seat: a row in nearly every table. */
export async function buy(story: Story, number: number): Promise<void> {
  const fan = id<UserId>(`fan ${number}`);
  const seat = `A-${number}`;
  await story.register(fan, `Fan ${number}`);
  const sessionId = id<SessionId>(`session ${number}`);
  const data = { sessionId, userId: fan, epoch: 0, expiresAt: minute(1_000), endsAt: minute(2_000) };
  await story.history.add(streams.session(sessionId), { type: 'SessionStarted', data });
  await story.charge(fan, charge(`charge ${number}`), 1_000, 1_000);
  await story.hold(fan, seat, `hold ${number}`);
  await story.place(fan, `order ${number}`, `hold ${number}`, [seat]);
  const spent = { userId: fan, orderId: order(`order ${number}`), amount: 150, balance: 850 };
  await story.history.add(streams.wallet(fan), { type: 'PointsSpent', data: spent });
  await story.reserve(fan, seat, `hold ${number}`, `order ${number}`);
  await story.paid(fan, `order ${number}`, 150);
}

/** Every row of every read model. */
export async function everyRow(models: ReadModels): Promise<Record<string, unknown>> {
  const all: Record<string, unknown> = {};
  for (const { name } of allProjections.flatMap(tablesOf)) all[name] = await rowsOf(models, name);
  return all;
}

/** Tables that a rebuild should not have left. */
export async function leftOvers(models: ReadModels): Promise<string[]> {
  const names = await models.dialect.withSession(models.write, (session) =>
    models.dialect.namesInUse(session),
  );
  return [...names].filter((name) => name.includes('__'));
}
