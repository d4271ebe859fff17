/**
 * The crowd, in a process of its own: gets a story as its one message, tells its progress every second and at last what
 * happened.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../src/platform/clock.js';
import { TokenSigner } from '../../src/platform/token-signer.js';
import { Connections } from './connections.js';
import { Fan, type Progress, type World } from './fan.js';
import type { News } from './news.js';
import { idealSeconds, storySchema } from './story.js';
import { Tally } from './tally.js';

const tellEveryMs = 1_000;
/** Fans inside are few: the pace lets in a dozen a second. */
const connectionsInside = 200;
/** Coprime to every number of fans below it, so that each has one turn. */
const scatter = 1_000_003;
/** After so many times the ideal time, and so many seconds more, the crowd gives up. */
const patience = { times: 3, seconds: 120 };

process.once('message', async (message) => {
  const story = storySchema.parse(message);
  const progress: Progress = {
    joined: 0,
    lastJoinAtMs: 0,
    entered: 0,
    sold: 0,
    toldSoldOut: 0,
    lost: 0,
    soldOutAtMs: 0,
    toldAfterMs: [],
  };
  const world: World = {
    story,
    waiting: new Connections(story.url, story.connections),
    inside: new Connections(story.url, connectionsInside),
    // A token is verified by the server only; nothing is remembered here.
    signer: new TokenSigner({ current: story.secret }, systemClock, 1),
    tally: new Tally(),
    progress,
    plans: new Map(),
  };
  const tell = (news: News) => new Promise((sent) => process.send?.(news, sent));
  const telling = setInterval(() => {
    const { joined, entered, sold, toldSoldOut } = progress;
    void tell({ kind: 'progress', joined, entered, sold, toldSoldOut });
  }, tellEveryMs);
  const firstAtMs = story.opensAtMs - story.joinSeconds * 500;
  const fans = new Set<Fan>();
  // Scattered, so that fans with and without a stream join side by side.
  const live = async (place: number) => {
    const joinAtMs = firstAtMs + (place / story.fans) * story.joinSeconds * 1_000;
    await delay(Math.max(0, joinAtMs - Date.now()));
    const fan = new Fan(world, (place * scatter) % story.fans);
    fans.add(fan);
    await fan.live();
    fans.delete(fan);
  };
  const all = Promise.all(Array.from({ length: story.fans }, (_, place) => live(place)));
  const longestMs = (story.joinSeconds + idealSeconds(story) * patience.times + patience.seconds) * 1_000;
  const isOver = await Promise.race([all.then(() => true), delay(longestMs, false, { ref: false })]);
  if (!isOver)
    for (const { doing } of fans) world.tally.failed('leave', `the crowd gave up: a fan still ${doing}`);
  clearInterval(telling);
  world.waiting.close();
  world.inside.close();
  const told = progress.toldAfterMs.toSorted((a, b) => a - b);
  const { joined, entered, sold, toldSoldOut, lost, soldOutAtMs } = progress;
  await tell({
    kind: 'end',
    joined,
    joinsPerSecond: joined / ((progress.lastJoinAtMs - firstAtMs) / 1_000),
    entered,
    sold,
    toldSoldOut,
    lost,
    soldOutSeconds: soldOutAtMs === 0 ? null : (soldOutAtMs - story.opensAtMs) / 1_000,
    toldWithinP50Ms: told[Math.floor(told.length / 2)] ?? 0,
    toldWithinP99Ms: told[Math.floor(told.length * 0.99)] ?? 0,
    ...world.tally.result(),
  });
  process.exit();
});
