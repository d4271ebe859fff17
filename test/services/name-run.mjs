import { randomBytes } from 'node:crypto';

/** Gives the Jest run a name, which its worker processes inherit: what they share is found under it. */
export default function nameRun() {
  process.env.BOXOFFICE_TEST_RUN ??= randomBytes(4).toString('hex');
}
