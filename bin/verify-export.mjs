// Verifies an export of one performance: no seat ever had two owners, and the queue was served in order.
// Plain Node.js 20 or later, nothing else:   node verify-export.mjs <export> [<public key, PEM>]
// Exit code: 0 everything holds, 1 something does not (the events are named), 2 the file cannot be read.
import { createHash, createPublicKey, verify } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const meanings = {
  digest: 'the file is unchanged, and signed by the key in it (or by the given key)',
  revisions: 'events of a stream are numbered without gaps, in the order of the log',
  'one-owner': 'a seat passes to a fan only when free, and to an order only from the fan’s own hold',
  'held-in-turn': 'seats are held only by fans who were admitted',
  'sold-as-ordered': 'a seat is reserved only as an item of an order, by its hold, for its fan, at its price',
  'paid-seats': 'a paid order has all its seats',
  seed: 'the revealed seed has the hash published before the first fan joined',
  ranges: 'places are admitted in order, without gaps or repetition, and only places that exist',
  entry: 'fans enter at the place that number and shuffle give, after its admission',
};
const maxShown = 50;
const examined = new Map(Object.keys(meanings).map((check) => [check, 0]));
const failures = [];

/** Records one fact examined by a check. */
function expect(check, holds, message, ...events) {
  examined.set(check, examined.get(check) + 1);
  if (!holds) failures.push({ check, message, events: events.filter(Boolean) });
}

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

// ---------------------------------------------------------------- the seats

const free = { kind: 'free' };
const seats = new Map(); // stream → { kind, holdId, userId, orderId, event }
const orders = new Map(); // orderId → OrderPlaced
const ownerOf = (stream) => seats.get(stream) ?? free;

function describeOwner({ kind, userId, orderId }) {
  return kind === 'free' ? 'free' : `${kind} by ${userId}${orderId ? ` (${orderId})` : ''}`;
}

const seatEvents = {
  SeatHeld(event) {
    const { stream, data } = event;
    const owner = ownerOf(stream);
    expect('one-owner', owner.kind === 'free', `held by ${data.userId} while ${describeOwner(owner)}`, event, owner.event);
    const turn = turns.get(data.tokenId);
    const isInside = turn?.entered !== undefined && turn.userId === data.userId;
    expect('held-in-turn', isInside, `held by ${data.userId}, who was not admitted as ${data.tokenId}`, event);
    seats.set(stream, { kind: 'held', holdId: data.holdId, userId: data.userId, event });
  },
  SeatHoldReleased: endHold,
  SeatHoldExpired: endHold,
  SeatReserved(event) {
    const { stream, data } = event;
    const owner = ownerOf(stream);
    const isOwn = owner.kind === 'held' && owner.holdId === data.holdId && owner.userId === data.userId;
    expect('one-owner', isOwn, `reserved for ${data.userId} while ${describeOwner(owner)}`, event, owner.event);
    const order = orders.get(data.orderId);
    const item = order?.data.items.find((one) => `seat-${one.scheduleId}.${one.seatId}` === stream);
    const isOrdered =
      item?.holdId === data.holdId && item.price === data.price && order.data.userId === data.userId;
    expect('sold-as-ordered', isOrdered, `${data.orderId} did not order it so`, event, order);
    const { holdId, userId, orderId } = data;
    seats.set(stream, { kind: 'reserved', holdId, userId, orderId, event });
  },
  SeatReservationCancelled(event) {
    const owner = ownerOf(event.stream);
    const isIts = owner.kind === 'reserved' && owner.orderId === event.data.orderId;
    expect('one-owner', isIts, `taken from ${event.data.orderId} while ${describeOwner(owner)}`, event, owner.event);
    seats.delete(event.stream);
  },
  OrderPlaced(event) {
    orders.set(event.data.orderId, event);
  },
  OrderPaid(event) {
    const order = orders.get(event.data.orderId);
    const items = order?.data.items ?? [];
    const missing = items.filter((item) => ownerOf(`seat-${item.scheduleId}.${item.seatId}`).orderId !== event.data.orderId);
    const names = missing.map(({ seatId }) => seatId).join(', ');
    expect('paid-seats', order !== undefined && missing.length === 0, `paid without ${names || 'being placed'}`, event, order);
  },
};

function endHold(event) {
  const owner = ownerOf(event.stream);
  const isIts = owner.kind === 'held' && owner.holdId === event.data.holdId;
  expect('one-owner', isIts, `${event.data.holdId} ends while ${describeOwner(owner)}`, event, owner.event);
  seats.delete(event.stream);
}

// ---------------------------------------------------------------- the queue

const turns = new Map(); // tokenId → { userId, number, entered }
const queue = { seedHash: undefined, issued: 0, opening: undefined, places: [], admittedUpTo: 0, ranges: [] };

const queueEvents = {
  PerformancePublished(event) {
    const { seedHash } = event.data;
    const isKept = queue.seedHash === undefined ? queue.issued === 0 : queue.seedHash === seedHash;
    expect('seed', isKept, 'the seed’s hash was changed, or published after fans had joined', event);
    queue.seedHash ??= seedHash;
  },
  TokenIssued(event) {
    queue.issued = event.revision + 1;
    const { tokenId, userId } = event.data;
    // The first number counts; a retry may have left a second one, which is nobody's.
    if (!turns.has(tokenId)) turns.set(tokenId, { userId, number: event.revision, entered: undefined });
  },
  QueueOpened(event) {
    const { seed, shuffledCount } = event.data;
    const isPublished = sha256(Buffer.from(seed, 'hex')) === queue.seedHash;
    expect('seed', isPublished, `the seed’s hash is not ${queue.seedHash}`, event);
    const isOnce = queue.opening === undefined && shuffledCount <= queue.issued;
    expect('seed', isOnce, `the queue opens again, or shuffles ${shuffledCount} of ${queue.issued} numbers`, event, queue.opening);
    queue.opening = event;
    queue.places = shuffledPlaces(drawnSeed(event.data), Math.min(shuffledCount, queue.issued));
  },
  TokensAdmitted(event) {
    const { from, to } = event.data;
    const isNext = queue.opening !== undefined && from === queue.admittedUpTo && from < to && to <= queue.issued;
    const state = `${queue.admittedUpTo} were admitted before, ${queue.issued} numbers are given`;
    expect('ranges', isNext, `places ${from} to ${to - 1} are admitted; ${state}`, event, queue.ranges.at(-1));
    queue.admittedUpTo = to;
    queue.ranges.push(event);
  },
  TokenEntered(event) {
    const { tokenId, userId, place, admittedAt } = event.data;
    const turn = turns.get(tokenId);
    const own = turn && (queue.places[turn.number] ?? turn.number);
    const range = rangeOf(place);
    const isAdmitted = queue.opening !== undefined && range?.data.admittedAt === admittedAt && turn?.userId === userId;
    const message = `${tokenId} enters at place ${place}; its own is ${own}, admitted ${range?.data.admittedAt ?? 'never'}`;
    expect('entry', own === place && isAdmitted, message, event, range);
    if (turn) turn.entered = event;
  },
};

/** The admission that let a place in: a binary search, since ranges are in the order of places. */
function rangeOf(place) {
  let [low, high] = [0, queue.ranges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (queue.ranges[middle].data.to <= place) low = middle + 1;
    else high = middle;
  }
  const range = queue.ranges[low];
  return range && range.data.from <= place ? range : undefined;
}

/** The seed of the shuffle: of older queues the revealed one; else who joined and the public beacon are mixed in. */
function drawnSeed({ seed, tokensDigest, beacon }) {
  if (tokensDigest === undefined) return seed;
  const hex = (text) => Buffer.from(text, 'hex');
  const mixed = createHash('sha256').update('boxoffice draw 2\n').update(hex(seed)).update(hex(tokensDigest));
  if (beacon) mixed.update(createHash('sha256').update(hex(beacon.signature)).digest());
  return mixed.digest('hex');
}

/** The published shuffle: Fisher–Yates from the end, driven by 32-bit words of SHA-256(seed ‖ counter). */
function shuffledPlaces(seed, count) {
  const places = Array.from({ length: count }, (_, number) => number);
  const counter = Buffer.alloc(8);
  let [blocks, block, offset] = [0n, Buffer.alloc(0), 0];
  const nextWord = () => {
    if (offset >= block.length) {
      counter.writeBigUInt64BE(blocks++);
      block = createHash('sha256').update(Buffer.from(seed, 'hex')).update(counter).digest();
      offset = 0;
    }
    offset += 4;
    return block.readUInt32BE(offset - 4);
  };
  for (let last = count - 1; last > 0; last--) {
    const bound = last + 1;
    const limit = 2 ** 32 - (2 ** 32 % bound);
    let word = nextWord();
    while (word >= limit) word = nextWord(); // words that would favour small numbers are drawn again
    const other = word % bound;
    [places[last], places[other]] = [places[other], places[last]];
  }
  return places;
}

// ---------------------------------------------------------------- the file

const handlers = { ...seatEvents, ...queueEvents };
const revisions = new Map();
let lastPosition = -1;
let events = 0;

function take(event) {
  const due = revisions.get(event.stream) ?? 0;
  const isDue = event.revision === due && event.position > lastPosition;
  expect('revisions', isDue, `revision ${event.revision} where ${due} is due, behind position ${lastPosition}`, event);
  revisions.set(event.stream, event.revision + 1);
  lastPosition = event.position;
  events++;
  handlers[event.type]?.(event);
}

async function read(path, trustedKey) {
  const hash = createHash('sha256');
  let header;
  let previous;
  let lines = 0;
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    if (previous !== undefined) {
      hash.update(`${previous}\n`);
      const value = JSON.parse(previous);
      if (lines++ > 0) take(value);
      else header = value;
      if (header.format !== 'boxoffice-export/1') throw new Error('it is no export of this format');
    }
    previous = line;
  }
  const end = JSON.parse(previous ?? 'null');
  if (!header || typeof end?.signature !== 'string') throw new Error('it has no end: it is not complete');
  const digest = hash.digest('hex');
  expect('digest', digest === end.digest && lines === end.lines, 'the file was changed after it was written');
  const key = createPublicKey(trustedKey ?? end.publicKey);
  const text = Buffer.from(`boxoffice-export/1 ${digest}`);
  expect('digest', verify(null, text, key, Buffer.from(end.signature, 'base64')), 'the signature is not right');
  return { header, digest };
}

function report({ header, digest }) {
  console.log(`performance ${header.performanceId}, exported ${header.exportedAt}, SHA-256 ${digest}`);
  const held = [...seats.values()].filter(({ kind }) => kind === 'held').length;
  console.log(`${events} events; ${turns.size} turns, ${queue.admittedUpTo} places admitted; ${orders.size} orders; ` +
    `${seats.size - held} seats sold, ${held} on hold`);
  for (const [check, meaning] of Object.entries(meanings)) {
    const failed = failures.filter((failure) => failure.check === check).length;
    const verdict = failed > 0 ? 'FAILED' : examined.get(check) > 0 ? 'ok' : '-';
    console.log(`${verdict.padEnd(7)}${String(examined.get(check)).padStart(8)}  ${check.padEnd(16)}${meaning}`);
  }
  for (const { check, message, events: named } of failures.slice(0, maxShown)) {
    console.log(`\n${check}: ${message}`);
    for (const { type, stream, revision, position } of named) {
      console.log(`    ${type}, ${stream} @${revision}, position ${position}`);
    }
  }
  if (failures.length > maxShown) console.log(`\n… and ${failures.length - maxShown} more`);
  console.log(failures.length === 0 ? '\nEverything holds.' : `\n${failures.length} findings.`);
}

const [path, keyFile] = process.argv.slice(2);
try {
  if (path === undefined) throw new Error('name the export: node verify-export.mjs <export> [<public key>]');
  report(await read(path, keyFile && readFileSync(keyFile)));
  process.exitCode = failures.length === 0 ? 0 : 1;
} catch (error) {
  console.error(`${path ?? ''}: ${error.message}`);
  process.exitCode = 2;
}
