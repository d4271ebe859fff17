#!/usr/bin/env node
// Writes docs/configuration.md from the configuration schema. Run after `npm run build`.
import { writeFileSync } from 'node:fs';
import { configurationReference } from '../dist/platform/config.js';

writeFileSync(new URL('../docs/configuration.md', import.meta.url), configurationReference());
