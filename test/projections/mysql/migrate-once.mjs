// One process of several that start together: migrates the database in its first argument, as a starting server does.
import { migrateReadModels } from '../../../dist/projections/open-read-models.js';

const outcome = await migrateReadModels({ url: process.argv[2] });
console.log(JSON.stringify(outcome));
