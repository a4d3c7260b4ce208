/** `npm run docs`: brings the tables of docs/configuration.md and of the guides in docs/management up to date with the code. */

import { readFileSync, writeFileSync } from 'node:fs'
import { API_GUIDE, apiTables } from './support/api-reference.ts'
import { CONFIGURATION_GUIDE, CONFIGURATION_TABLES } from './support/configuration-tables.ts'
import { MANAGEMENT_GUIDES } from './support/management-tables.ts'
import { replaceTable } from './support/readme-table.ts'
import { VDS_GUIDE, VDS_TABLES } from './support/vds-guide-tables.ts'

const formatAll = (tables: Readonly<Record<string, () => string>>) =>
  Object.fromEntries(Object.entries(tables).map(([name, format]) => [name, format()]))

for (const { path, tables } of [
  { path: CONFIGURATION_GUIDE, tables: formatAll(CONFIGURATION_TABLES) },
  { path: API_GUIDE, tables: await apiTables() },
  { path: VDS_GUIDE, tables: formatAll(VDS_TABLES) },
  ...MANAGEMENT_GUIDES.map((guide) => ({ path: guide.path, tables: formatAll(guide.tables) })),
]) {
  let guide = readFileSync(path, 'utf8')
  for (const [name, table] of Object.entries(tables)) guide = replaceTable(guide, name, table)
  writeFileSync(path, guide)
}
