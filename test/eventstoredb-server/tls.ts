import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Key and certificate of a wire server; the certificate is its own authority. */
export interface WireTls {
  readonly key: string;
  readonly certificate: string;
  readonly certificateFile: string;
}

// Self-signed, for these tests alone, valid for a hundred years.
const read = (suffix: string): WireTls => {
  const file = (name: string) => fileURLToPath(new URL(`./test-${name}${suffix}.pem`, import.meta.url));
  const certificateFile = file('certificate');
  return {
    key: readFileSync(file('key'), 'utf8'),
    certificate: readFileSync(certificateFile, 'utf8'),
    certificateFile,
  };
};

/** For localhost and 127.0.0.1. */
export const wireTls = read('');
/** For localhost alone, and not for the address where a wire server listens. */
export const localhostTls = read('-of-localhost');

/** The parameter of a connection string that trusts a server with this certificate. */
export function trusting({ certificateFile }: WireTls): string {
  return `tlsCAFile=${encodeURIComponent(certificateFile)}`;
}
