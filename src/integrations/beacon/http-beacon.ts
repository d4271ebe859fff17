import { z } from 'zod';
import { isSignatureOfRound, quicknetHash } from '../../platform/drand.js';
import { BeaconUnavailable, type RandomnessBeacon } from './port.js';

interface HttpBeaconOptions {
  /** Relays of drand, asked in order until one has the round: such as `https://api.drand.sh`. */
  readonly urls: readonly string[];
  /** Time limit of one relay's answer, ms. */
  readonly timeoutMs: number;
  /** How often all relays are asked before giving up; default 2. */
  readonly attempts?: number;
}

const maxAnswerBytes = 4_096;
const roundSchema = z.object({ round: z.number().int(), signature: z.string().regex(/^[0-9a-f]{96}$/) });

/**
 * Reads rounds from relays over HTTP. What a relay says is believed only if it is the chain's signature of that round, so a
 * relay can withhold a round, but neither choose nor change one.
 */
export class HttpBeacon implements RandomnessBeacon {
  constructor(private readonly options: HttpBeaconOptions) {}

  async signatureOf(round: number): Promise<string> {
    const reasons: string[] = [];
    for (let attempt = 0; attempt < (this.options.attempts ?? 2); attempt++) {
      for (const url of this.options.urls) {
        try {
          return await this.#ask(url, round);
        } catch (error) {
          reasons.push(`${new URL(url).host}: ${error instanceof Error ? error.message : String(error)}`);
        }
      }
    }
    throw new BeaconUnavailable(`round ${round} of the beacon cannot be had: ${reasons.join('; ')}`);
  }

  async #ask(baseUrl: string, round: number): Promise<string> {
    const url = `${baseUrl.replace(/\/+$/, '')}/${quicknetHash}/public/${round}`;
    const signal = AbortSignal.timeout(this.options.timeoutMs);
    const reply = await fetch(url, { signal, redirect: 'error' });
    if (!reply.ok) {
      await reply.body?.cancel();
      throw new Error(`status ${reply.status}`);
    }
    const answer = roundSchema.safeParse(JSON.parse(await textOf(reply)));
    if (!answer.success || answer.data.round !== round) throw new Error('the answer is not that round');
    const { signature } = answer.data;
    if (!isSignatureOfRound(round, signature)) throw new Error('the signature is not the beacon’s');
    return signature;
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
