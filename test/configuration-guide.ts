/** `npm run docs`: brings the tables of docs/configuration.md and docs/management/api.md up to date with the code. */

import { readFileSync, writeFileSync } from 'node:fs'
import { API_GUIDE, apiTables } from './support/api-reference.ts'
import { CONFIGURATION_GUIDE, CONFIGURATION_TABLES } from './support/configuration-tables.ts'
import { replaceTable } from './support/readme-table.ts'

let guide = readFileSync(CONFIGURATION_GUIDE, 'utf8')
for (const [name, format] of Object.entries(CONFIGURATION_TABLES)) guide = replaceTable(guide, name, format())
writeFileSync(CONFIGURATION_GUIDE, guide)

let apiGuide = readFileSync(API_GUIDE, 'utf8')
for (const [name, table] of Object.entries(await apiTables())) apiGuide = replaceTable(apiGuide, name, table)
writeFileSync(API_GUIDE, apiGuide)
