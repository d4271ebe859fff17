import { accept, assertNever, reject } from '../../src/domain/decider.js';
import { rejection, rejectionCodes } from '../../src/domain/rejection.js';

describe('a refusal', () => {
  it('has one of the published codes, each spelt once in kebab case', () => {
    expect(rejectionCodes.length).toBeGreaterThan(0);
    expect(new Set(rejectionCodes).size).toBe(rejectionCodes.length);
    for (const code of rejectionCodes) expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/);
  });

  it('carries facts only when there are some', () => {
    expect(rejection('busy', 'Try again.')).toStrictEqual({ code: 'busy', message: 'Try again.' });
    const facts = { after: '2 s' };
    expect(rejection('busy', 'Try again.', facts)).toStrictEqual({
      code: 'busy',
      message: 'Try again.',
      details: facts,
    });
    expect(reject('busy', 'Try again.', facts)).toStrictEqual({
      kind: 'rejected',
      rejection: { code: 'busy', message: 'Try again.', details: facts },
    });
  });
});

describe('a decision', () => {
  it('may be that nothing is left to do', () =>
    expect(accept()).toStrictEqual({ kind: 'accepted', events: [] }));

  it('is never made for an unhandled case', () =>
    expect(() => assertNever('surprise' as never)).toThrow('unhandled case "surprise"'));
});
