import { createHash } from 'node:crypto';
import type { TokenSigner } from '../../platform/token-signer.js';
import type { JoinChallenge, Joining, JoinVerifier } from './port.js';

/** How long a client may take, ms: slow phones need a minute for what a computer does in a second. */
const challengeTtlMs = 10 * 60_000;

/** Longest text after the challenge. */
const maxNonceLength = 64;

/**
 * Asks for computing time: so many hashes on average that one fan does not notice, and that cost whoever joins with thousands
 * of accounts. A challenge is signed and belongs to one fan and one queue, so nothing has to be remembered, and a proof is
 * good for nobody else.
 */
export class ProofOfWork implements JoinVerifier {
  /** @param bits leading zero bits: 2^bits hashes on average. */
  constructor(
    private readonly signer: TokenSigner,
    private readonly bits: number,
  ) {}

  challengeFor({ userId, performanceId }: Joining): JoinChallenge {
    const { bits } = this;
    const claims = { sub: userId, pid: performanceId, bits };
    const { value, expiresAt } = this.signer.challenge.sign(claims, challengeTtlMs);
    return { kind: 'proof-of-work', challenge: value, bits, expiresAt };
  }

  async isProven({ userId, performanceId }: Joining, proof: string | undefined): Promise<boolean> {
    const colonAt = proof?.lastIndexOf(':') ?? -1;
    if (proof === undefined || colonAt === -1 || proof.length - colonAt > maxNonceLength) return false;
    const claims = this.signer.challenge.verify(proof.slice(0, colonAt));
    if (!claims || claims.sub !== userId || claims.pid !== performanceId || claims.bits < this.bits)
      return false;
    return zeroBitsOf(createHash('sha256').update(proof).digest()) >= this.bits;
  }
}

/** How many bits are zero before the first one. */
export function zeroBitsOf(digest: Uint8Array): number {
  let bits = 0;
  for (const byte of digest) {
    if (byte !== 0) return bits + Math.clz32(byte) - 24;
    bits += 8;
  }
  return bits;
}
