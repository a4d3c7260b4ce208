/**
 * `npm run docs`: brings the tables of docs/configuration.md, docs/management/api.md and docs/management/vds.md up to date with
 * the code.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { API_GUIDE, apiTables } from './support/api-reference.ts'
import { CONFIGURATION_GUIDE, CONFIGURATION_TABLES } from './support/configuration-tables.ts'
import { replaceTable } from './support/readme-table.ts'
import { VDS_GUIDE, VDS_TABLES } from './support/vds-guide-tables.ts'

const formatAll = (tables: Readonly<Record<string, () => string>>) =>
  Object.fromEntries(Object.entries(tables).map(([name, format]) => [name, format()]))

for (const [path, tables] of [
  [CONFIGURATION_GUIDE, formatAll(CONFIGURATION_TABLES)],
  [API_GUIDE, await apiTables()],
  [VDS_GUIDE, formatAll(VDS_TABLES)],
] as const) {
  let guide = readFileSync(path, 'utf8')
  for (const [name, table] of Object.entries(tables)) guide = replaceTable(guide, name, table)
  writeFileSync(path, guide)
}
