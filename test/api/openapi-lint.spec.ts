import { createConfig, lintFromString } from '@redocly/openapi-core';
import { openApiDocument } from '../../src/api/openapi/document.js';

describe('the API document', () => {
  it('passes a linter of OpenAPI', async () => {
    const config = await createConfig({
      extends: ['recommended-strict'],
      rules: {
        // The document is served by every office at its own address.
        'no-server-example.com': 'off',
        // The router prefers the fixed word: no projection is called `rebuilds`.
        'no-ambiguous-paths': 'off',
      },
    });
    const problems = await lintFromString({ source: JSON.stringify(openApiDocument()), config });
    expect(
      problems.map(({ ruleId, message, location }) => ({ ruleId, message, at: location[0]?.pointer })),
    ).toEqual([]);
  });
});
