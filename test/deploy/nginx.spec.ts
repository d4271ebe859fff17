import { read } from './compose-file.js';

const config = read('deploy/nginx/nginx.conf').replace(/^\s*#.*$/gm, '');
/** The values of a directive, wherever it stands. */
const valuesOf = (directive: string) =>
  [...config.matchAll(new RegExp(`^\\s*${directive}\\s+([^;]+);`, 'gm'))].map(([, value]) => value?.trim());

describe('the proxy', () => {
  it('logs the address of each request and what came of it, and no query string (ASVS 5.0 V14.2.1, V16.2.1)', () => {
    const [format = ''] = valuesOf('log_format');
    for (const field of ['$remote_addr', '$request_method', '$uri', '$status', '$sent_http_x_request_id'])
      expect(format).toContain(field);
    // Each has the query string, of the request or of the page before it.
    expect(format).not.toMatch(
      /\$(?:request\b(?!_)|request_uri|args|arg_|query_string|is_args|http_referer)/,
    );
    expect(format).toContain('escape=json');
    expect(valuesOf('access_log')[0]).toMatch(/^\/dev\/stdout requests\b/);
  });

  it('writes no line about an error that quotes the request', () => {
    // Refusals by the limits, and upstreams that fail, are lower.
    expect(valuesOf('error_log')).toEqual(['/dev/stderr crit']);
  });

  it('limits connections and requests of each client (API4:2023), IPv6 by /64', () => {
    expect(valuesOf('limit_conn_zone')).toEqual(['$client zone=connections:20m']);
    expect(valuesOf('limit_conn')).toEqual(['connections 2000']);
    expect(valuesOf('limit_req_zone')[0]).toMatch(/^\$client zone=requests:20m rate=\d+r\/s$/);
    expect(valuesOf('limit_req')[0]).toMatch(/^zone=requests burst=\d+ nodelay$/);
    expect([...valuesOf('limit_conn_status'), ...valuesOf('limit_req_status')]).toEqual(['429', '429']);
    const map =
      /map \$binary_remote_addr \$client \{\s*"~([^"]+)"\s+\$network;\s*default \$binary_remote_addr;\s*\}/;
    const pattern = map.exec(config)?.[1]?.replace('(?s)', '').replace('\\z', '$') ?? 'none';
    const clientOf = (bytes: number[]) =>
      new RegExp(pattern, 's').exec(String.fromCharCode(...bytes))?.groups?.network;
    const ipv6 = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 10];
    expect(clientOf(ipv6)).toBe(String.fromCharCode(...ipv6.slice(0, 8)));
    expect(clientOf([192, 0, 2, 10])).toBeUndefined();
  });

  it('refuses as the API does', () => {
    const document = /return 429 '([^']+)\\n';/.exec(config)?.[1] ?? '';
    expect(JSON.parse(document)).toMatchObject({ code: 'too-many-requests', status: 429 });
    expect(config).toContain('default_type application/problem+json;');
  });

  it('tells the API the address, and lets no client tell it another one', () => {
    expect(valuesOf('proxy_set_header')).toContain('X-Forwarded-For $remote_addr');
  });
});
