/**
 * One message of an event stream as it goes over the wire (WHATWG HTML, section 9.2). The data is JSON, which
 * has no line breaks outside its strings' escapes, so one `data` line suffices.
 * @param id what the client sends back as Last-Event-ID when it reconnects.
 */
export function sseMessage(event: string, data: unknown, id?: number): string {
  const idLine = id === undefined ? '' : `id: ${id}\n`;
  return `event: ${event}\n${idLine}data: ${JSON.stringify(data)}\n\n`;
}

/** A line clients ignore: keeps proxies from closing a silent stream. */
export const heartbeat = ': still here\n\n';
