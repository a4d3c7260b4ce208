/** `npm run docs`: brings the tables of docs/configuration.md up to date with the code. */

import { readFileSync, writeFileSync } from 'node:fs'
import { CONFIGURATION_GUIDE, CONFIGURATION_TABLES } from './support/configuration-tables.ts'
import { replaceTable } from './support/readme-table.ts'

let guide = readFileSync(CONFIGURATION_GUIDE, 'utf8')
for (const [name, format] of Object.entries(CONFIGURATION_TABLES)) guide = replaceTable(guide, name, format())
writeFileSync(CONFIGURATION_GUIDE, guide)
