import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

export const root = join(__dirname, '..', '..');

const serviceSchema = z.looseObject({
  image: z.string().optional(),
  build: z.string().optional(),
  command: z.array(z.string()).default([]),
  environment: z.record(z.string(), z.string()).default({}),
  volumes: z.array(z.string()).default([]),
  ports: z.array(z.string()).default([]),
  networks: z.array(z.string()).default([]),
  profiles: z.array(z.string()).default([]),
  cap_drop: z.array(z.string()).default([]),
  security_opt: z.array(z.string()).default([]),
  restart: z.string().optional(),
  read_only: z.boolean().default(false),
  logging: z.looseObject({ options: z.record(z.string(), z.string()) }).optional(),
  healthcheck: z.looseObject({ test: z.array(z.string()) }).optional(),
  depends_on: z
    .record(z.string(), z.looseObject({ condition: z.string(), required: z.boolean().default(true) }))
    .default({}),
  deploy: z
    .looseObject({
      replicas: z.number().optional(),
      resources: z.looseObject({ limits: z.looseObject({ memory: z.string() }) }).optional(),
    })
    .default({}),
});
export type Service = z.infer<typeof serviceSchema>;

const fileSchema = z.looseObject({
  services: z.record(z.string(), serviceSchema),
  networks: z.record(z.string(), z.unknown()).default({}),
  volumes: z.record(z.string(), z.unknown()).default({}),
});

/** A file of the repository, by its path from the root. */
export function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** A compose file, merge keys resolved and variables as they stand. @throws when it is not of the expected form. */
export function readComposeFile(path: string): z.infer<typeof fileSchema> {
  return fileSchema.parse(parse(read(path), { merge: true }));
}

/** What a text makes of the environment: `${NAME:?message}`, `${NAME:-default}` and `${NAME}`. */
export interface Interpolation {
  readonly name: string;
  readonly isRequired: boolean;
  readonly fallback: string | undefined;
}

export function interpolationsOf(text: string): Interpolation[] {
  return [...text.matchAll(/(?<!\$)\$\{(\w+)(?:(:[?-])([^}]*))?\}/g)].map(([, name = '', kind, rest]) => ({
    name,
    isRequired: kind === ':?',
    fallback: kind === ':-' ? rest : undefined,
  }));
}

/** Assignments of an environment file. */
export function readEnvFile(path: string): Record<string, string> {
  const lines = read(path)
    .split('\n')
    .filter((line) => /^\w+=/.test(line));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}
