import { assemble } from './assemble.js';
import { readBoxofficeFeed } from './boxoffice-feed.js';
import { type Decoded, decodeJson, decodeText, decodeXml } from './decode.js';
import {
  type FeedFormat,
  type FeedOptions,
  type FeedResult,
  feedOptionsSchema,
  maxFeedBytes,
  maxFeedElements,
  ProblemList,
  type RawFeed,
} from './feed.js';
import { readKopisFeed } from './kopis-feed.js';
import { readPretixFeed } from './pretix-feed.js';
import { readTicketmasterFeed } from './ticketmaster-feed.js';
import { elementsIn, isObject } from './values.js';

type Reader = (value: unknown, problems: ProblemList, options: FeedOptions) => RawFeed | undefined;

const readers: Readonly<Record<FeedFormat, Reader>> = {
  boxoffice: readBoxofficeFeed,
  pretix: readPretixFeed,
  ticketmaster: readTicketmasterFeed,
  kopis: readKopisFeed,
};

/** The format of a decoded JSON feed, detected by keys that only that format has. */
function sniffJson(value: unknown): FeedFormat | undefined {
  if (!isObject(value)) return undefined;
  if (value.format === 'boxoffice-catalog') return 'boxoffice';
  if (Array.isArray(value.zones)) return 'pretix';
  if (isObject(value._embedded) || isObject(value.dates) || isObject(value.page)) return 'ticketmaster';
  return undefined;
}

/** Decodes the text as JSON or XML, and detects the format. */
function decode(
  text: string,
  format: FeedFormat | 'auto',
): { format: FeedFormat | undefined; decoded: Decoded } {
  const isXml = format === 'kopis' || (format === 'auto' && text.trimStart().startsWith('<'));
  const decoded = isXml ? decodeXml(text) : decodeJson(text);
  if (format !== 'auto' || !decoded.ok) return { format: format === 'auto' ? undefined : format, decoded };
  return { format: isXml ? 'kopis' : sniffJson(decoded.value), decoded };
}

function refused(problems: ProblemList, record: string, reason: string): FeedResult {
  problems.add({ record, reason, effect: 'refused' });
  return { kind: 'refused', ...problems.report() };
}

interface FeedInput {
  /** The feed, at most 32 MiB of UTF-8. */
  readonly text: string;
  /** Default `auto`: detected from the content. */
  readonly format?: FeedFormat | 'auto';
  readonly options: FeedOptions;
}

/**
 * {@link parseFeed} of a feed's bytes: UTF-8, or the encoding that they state.
 * @param input.charset of the media type the feed came with
 */
export function parseFeedBytes({
  bytes,
  charset,
  ...input
}: Omit<FeedInput, 'text'> & { readonly bytes: Uint8Array; readonly charset?: string }): FeedResult {
  const decoded = decodeText(bytes, charset);
  return decoded.ok
    ? parseFeed({ text: decoded.text, ...input })
    : refused(new ProblemList(), 'feed', decoded.reason);
}

/**
 * Converts an organiser's feed into a catalog document. Pure; never throws. Records that cannot be used are listed in
 * `problems`; when none can, the result is `refused`. A venue that the feed only mentions may be in the catalog: the import
 * checks that.
 */
export function parseFeed(input: FeedInput): FeedResult {
  const problems = new ProblemList();
  const options = feedOptionsSchema.safeParse(input.options);
  if (!options.success) {
    const [issue] = options.error.issues;
    return refused(
      problems,
      `option ${issue?.path.map(String).join('.') ?? ''}`,
      issue?.message ?? 'is not valid',
    );
  }
  if (Buffer.byteLength(input.text) > maxFeedBytes) {
    return refused(problems, 'feed', `is larger than ${maxFeedBytes / 1024 / 1024} MiB`);
  }
  const text = input.text.replace(/^\uFEFF/, '');
  const { format, decoded } = decode(text, input.format ?? 'auto');
  if (!decoded.ok) return refused(problems, 'feed', decoded.reason);
  if (format === undefined) {
    return refused(
      problems,
      'feed',
      'is in none of the known formats (boxoffice, pretix, ticketmaster, kopis)',
    );
  }
  if (elementsIn(decoded.value, maxFeedElements) > maxFeedElements) {
    return refused(problems, 'feed', `holds more than ${maxFeedElements} seats, points and other elements`);
  }
  if (options.data.standing !== undefined && format !== 'pretix') {
    const reason = 'only a pretix plan has areas that it names, so it was not used';
    problems.add({ record: 'option standing', reason, effect: 'changed' });
  }
  const raw = readers[format](decoded.value, problems, options.data);
  const assembled = raw && assemble(raw, options.data, problems);
  if (assembled === undefined) return refused(problems, 'feed', 'has nothing that can be imported');
  return { kind: 'parsed', format, ...assembled, ...problems.report() };
}
