import { configSchema } from './config.js';

/** docs/configuration.md, generated from the schema so that the two cannot differ. */
export function configurationReference(): string {
  const rows = Object.entries(configSchema.shape).map(([name, schema]) => {
    const given = schema.safeParse(undefined);
    const value = given.success && given.data !== undefined ? `\`${given.data}\`` : 'unset';
    return `| \`${name}\` | ${value} | ${schema.description ?? ''} |`;
  });
  return [
    '# Configuration',
    '',
    'Environment variables, read once at start. A value that is wrong stops the start and is named.',
    'Durations are in milliseconds.',
    '',
    '| variable | default | meaning |',
    '|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}
