import { z } from 'zod';
import { ConcurrencyLimit } from '../../platform/concurrency-limit.js';
import { type JoinChallenge, type Joining, type JoinVerifier, VerificationUnavailable } from './port.js';

interface SiteverifyOptions {
  /** Where proofs are verified, such as `https://challenges.cloudflare.com/turnstile/v0/siteverify`. */
  readonly url: string;
  readonly secret: string;
  /** Public; the client shows the service's task for it. */
  readonly siteKey: string;
  /** Time limit of one call, from waiting for its turn to the last byte of the answer, ms. */
  readonly timeoutMs: number;
}

const maxProofLength = 4_096;
const maxAnswerBytes = 16 * 1024;
const maxConcurrent = 64;
const maxQueued = 512;
const answerSchema = z.object({ success: z.boolean() });

/**
 * Has an outside service verify proofs, by the protocol that reCAPTCHA, hCaptcha and Turnstile share: a form with `secret`,
 * `response` and `remoteip`, answered with JSON whose `success` says it. An identity provider needs a small adapter that
 * speaks it. While the service cannot be asked nobody joins: whoever can make it fail must not get in.
 */
export class Siteverify implements JoinVerifier {
  readonly #limit = new ConcurrencyLimit(maxConcurrent, maxQueued);

  constructor(private readonly options: SiteverifyOptions) {}

  challengeFor(): JoinChallenge {
    return { kind: 'siteverify', siteKey: this.options.siteKey };
  }

  async isProven(_joining: Joining, proof: string | undefined, address: string): Promise<boolean> {
    if (proof === undefined || proof.length > maxProofLength) return false;
    const signal = AbortSignal.timeout(this.options.timeoutMs);
    try {
      return await this.#limit.run(() => this.#ask(proof, address, signal), signal);
    } catch (error) {
      throw new VerificationUnavailable(error instanceof Error ? error.message : String(error));
    }
  }

  async #ask(proof: string, address: string, signal: AbortSignal): Promise<boolean> {
    const { url, secret } = this.options;
    const body = new URLSearchParams({ secret, response: proof, remoteip: address });
    const reply = await fetch(url, { method: 'POST', body, redirect: 'error', signal });
    const answer = answerSchema.safeParse(JSON.parse(await textOf(reply)));
    // Some services answer 400 to a proof that they do not know.
    if (answer.success) return reply.ok && answer.data.success;
    throw new Error(`status ${reply.status} without an answer`);
  }
}

async function textOf(reply: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of reply.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > maxAnswerBytes) throw new Error('the answer is too long');
  }
  return text;
}
