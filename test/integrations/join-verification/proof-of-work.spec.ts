import { createHash } from 'node:crypto';
import { performanceIdSchema, userIdSchema } from '../../../src/events/ids.js';
import type { JoinChallenge } from '../../../src/integrations/join-verification/port.js';
import { ProofOfWork, zeroBitsOf } from '../../../src/integrations/join-verification/proof-of-work.js';
import { deriveId } from '../../../src/platform/derive-id.js';
import { TokenSigner } from '../../../src/platform/token-signer.js';
import { ManualClock } from '../../commands/manual-clock.js';

const user = (name: string) => userIdSchema.parse(deriveId('user', name));
const performance = (name: string) => performanceIdSchema.parse(deriveId('performance', name));
const joining = { userId: user('ann'), performanceId: performance('show') };
const bits = 10;

/** What a client does: tries texts until the hash has the bits. */
function solve(challenge: JoinChallenge): string {
  if (challenge.kind !== 'proof-of-work') throw new Error('there is nothing to compute');
  for (let nonce = 0; ; nonce++) {
    const proof = `${challenge.challenge}:${nonce}`;
    if (zeroBitsOf(createHash('sha256').update(proof).digest()) >= challenge.bits) return proof;
  }
}

describe('a proof of work', () => {
  const clock = new ManualClock();
  const signer = new TokenSigner({ current: 'a secret of at least thirty-two characters' }, clock);
  const verifier = new ProofOfWork(signer, bits);
  const isProven = (proof: string | undefined, by = joining) => verifier.isProven(by, proof);

  it('counts leading zero bits', () => {
    expect(zeroBitsOf(Buffer.from('ff', 'hex'))).toBe(0);
    expect(zeroBitsOf(Buffer.from('01', 'hex'))).toBe(7);
    expect(zeroBitsOf(Buffer.from('001f', 'hex'))).toBe(11);
    expect(zeroBitsOf(Buffer.from('0000', 'hex'))).toBe(16);
  });

  it('is accepted from whom the challenge was given to, for that queue, in time', async () => {
    const proof = solve(verifier.challengeFor(joining));
    expect(await isProven(proof)).toBe(true);
    expect(await isProven(proof, { ...joining, userId: user('bob') })).toBe(false);
    expect(await isProven(proof, { ...joining, performanceId: performance('other') })).toBe(false);
    clock.advance(10 * 60_000);
    expect(await isProven(proof)).toBe(false);
  });

  it('is not accepted without the work, for an easier challenge, forged or absent', async () => {
    const challenge = verifier.challengeFor(joining);
    const proof = solve(challenge);
    const [value = ''] = proof.split(':');
    let lazy = 0;
    while (zeroBitsOf(createHash('sha256').update(`${value}:${lazy}`).digest()) >= bits) lazy++;
    expect(await isProven(`${value}:${lazy}`)).toBe(false);
    const easier = new ProofOfWork(signer, 1).challengeFor(joining);
    expect(await isProven(solve(easier))).toBe(false);
    const stranger = new ProofOfWork(
      new TokenSigner({ current: 'another secret of more than 32 characters' }, clock),
      bits,
    );
    expect(await isProven(solve(stranger.challengeFor(joining)))).toBe(false);
    for (const nothing of [undefined, '', ':', value, `${value}:${'1'.repeat(64)}`])
      expect(await isProven(nothing)).toBe(false);
  });

  it('is no other token, and no token is one', async () => {
    const access = signer.access.sign(
      { sub: joining.userId, sid: deriveId('session', 'x') as never },
      60_000,
    );
    expect(await isProven(`${access.value}:1`)).toBe(false);
    const challenge = verifier.challengeFor(joining);
    expect(
      signer.access.verify(challenge.kind === 'proof-of-work' ? challenge.challenge : ''),
    ).toBeUndefined();
  });
});
