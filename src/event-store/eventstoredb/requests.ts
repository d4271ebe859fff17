import shared from '@eventstore/db-client/generated/shared_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { LogPlace } from './positions.js';
import { streamIdentifier } from './records.js';

type Options = streams.ReadReq.Options;

/** Which events of the log a read or subscription is about. */
export type LogFilter =
  /** All but the server's own, whose streams begin with `$`. */
  | { readonly kind: 'all' }
  /** Streams whose names begin with one of these: `$ce-` projections may be off, so categories are prefixes. */
  | { readonly kind: 'categories'; readonly categories: readonly string[] }
  /** Including the server's own. */
  | { readonly kind: 'everything' };

/** The filter for categories; a category ends at the first hyphen, so there is none with a hyphen in it. */
export function categoryFilter(categories: readonly string[]): LogFilter {
  return { kind: 'categories', categories: categories.filter((category) => !category.includes('-')) };
}

/** Whether nothing can pass the filter. */
export function passesNothing(filter: LogFilter): boolean {
  return filter.kind === 'categories' && filter.categories.length === 0;
}

/** Whether an event of a stream passes the filter. */
export function passes(filter: LogFilter, stream: string): boolean {
  if (filter.kind === 'everything') return true;
  if (filter.kind === 'all') return !stream.startsWith('$');
  return filter.categories.some((category) => stream.startsWith(`${category}-`));
}

/** Events a filtered subscription looks at between two signs of life: window × intervals. */
const searchWindow = 500;
const windowsPerCheckpoint = 4;

/** @param from First revision, inclusive; ±Infinity for an end. */
export function streamRead(
  stream: string,
  page: { readonly from: number; readonly direction: 'forwards' | 'backwards'; readonly limit: number },
): streams.ReadReq {
  const place = new streams.ReadReq.Options.StreamOptions().setStreamIdentifier(streamIdentifier(stream));
  if (page.from === Number.NEGATIVE_INFINITY) place.setStart(new shared.Empty());
  else if (page.from === Number.POSITIVE_INFINITY) place.setEnd(new shared.Empty());
  else place.setRevision(`${page.from}`);
  const options = counted(page.direction, page.limit).setStream(place);
  return new streams.ReadReq().setOptions(options.setNoFilter(new shared.Empty()));
}

/** @param from Forwards inclusive, backwards exclusive. */
export function logRead(
  from: LogPlace,
  direction: 'forwards' | 'backwards',
  limit: number,
  filter: LogFilter,
): streams.ReadReq {
  const options = counted(direction, limit).setAll(placeInLog(from));
  return new streams.ReadReq().setOptions(withFilter(options, filter));
}

/**
 * @param after Exclusive. The position of an event, or the start: with a position at which there is no event, or with
 *   prepare position 0, EventStoreDB 23.10 leaves out the next event.
 */
export function logSubscription(after: LogPlace, filter: LogFilter): streams.ReadReq {
  const options = common().setAll(placeInLog(after));
  options.setSubscription(new streams.ReadReq.Options.SubscriptionOptions());
  return new streams.ReadReq().setOptions(withFilter(options, filter));
}

function common(): Options {
  const asText = new streams.ReadReq.Options.UUIDOption().setString(new shared.Empty());
  return new streams.ReadReq.Options().setUuidOption(asText).setResolveLinks(false);
}

function counted(direction: 'forwards' | 'backwards', limit: number): Options {
  const { FORWARDS, BACKWARDS } = streams.ReadReq.Options.ReadDirection;
  return common()
    .setReadDirection(direction === 'forwards' ? FORWARDS : BACKWARDS)
    .setCount(`${limit}`);
}

function placeInLog(place: LogPlace): streams.ReadReq.Options.AllOptions {
  const options = new streams.ReadReq.Options.AllOptions();
  if (place === 'start') return options.setStart(new shared.Empty());
  if (place === 'end') return options.setEnd(new shared.Empty());
  const position = new streams.ReadReq.Options.Position()
    .setCommitPosition(place.commit)
    .setPreparePosition(place.prepare);
  return options.setPosition(position);
}

function withFilter(options: Options, filter: LogFilter): Options {
  if (filter.kind === 'everything') return options.setNoFilter(new shared.Empty());
  const expression = new streams.ReadReq.Options.FilterOptions.Expression();
  if (filter.kind === 'all') expression.setRegex('^[^$]');
  else expression.setPrefixList(filter.categories.map((category) => `${category}-`));
  return options.setFilter(
    new streams.ReadReq.Options.FilterOptions()
      .setStreamIdentifier(expression)
      .setMax(searchWindow)
      .setCheckpointintervalmultiplier(windowsPerCheckpoint),
  );
}
