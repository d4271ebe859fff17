/** Knows which methods are answered where: the router itself only knows "no such route". */
export class RouteTable {
  readonly #routes: { readonly pattern: RegExp; readonly methods: readonly string[] }[] = [];

  /** @param url Fastify's pattern, such as `/v1/orders/:orderId`. */
  add(url: string, methods: readonly string[]): void {
    const source = url
      .split('/')
      .map((segment) => (segment.startsWith(':') ? '[^/]+' : segment.replace(/[^\w-]/g, '\\$&')))
      .join('/');
    if (!url.includes('*')) this.#routes.push({ pattern: new RegExp(`^${source}$`), methods });
  }

  /** The methods answered at a URL (its query is ignored); empty when there is nothing. */
  methodsOf(url: string): readonly string[] {
    const path = url.split('?', 1)[0] ?? '';
    const matching = this.#routes.filter(({ pattern }) => pattern.test(path));
    return [...new Set(matching.flatMap(({ methods }) => methods))].sort();
  }
}
