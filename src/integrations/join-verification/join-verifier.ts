import type { TokenSigner } from '../../platform/token-signer.js';
import { type JoinVerificationSettings, type JoinVerifier, noVerification } from './port.js';
import { ProofOfWork } from './proof-of-work.js';
import { Siteverify } from './siteverify.js';

/** The verifier that the settings choose. */
export function joinVerifierOf(settings: JoinVerificationSettings, signer: TokenSigner): JoinVerifier {
  switch (settings.kind) {
    case 'off':
      return noVerification;
    case 'proof-of-work':
      return new ProofOfWork(signer, settings.bits);
    case 'siteverify':
      return new Siteverify(settings);
  }
}
