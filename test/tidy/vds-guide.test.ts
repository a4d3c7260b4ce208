/** docs/management/vds.md says what the object model does: its tables, and every method that there is. */

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { Async } from '../../src/management/async.ts'
import { IscsiTarget } from '../../src/management/iscsi-target.ts'
import { Lun } from '../../src/management/lun.ts'
import { Portal } from '../../src/management/portal.ts'
import { PortalGroup } from '../../src/management/portal-group.ts'
import { Provider } from '../../src/management/provider.ts'
import { SubSystem } from '../../src/management/sub-system.ts'
import { readTable } from '../support/readme-table.ts'
import { METHOD_ROWS, VDS_GUIDE, VDS_TABLES } from '../support/vds-guide-tables.ts'

const CLASSES = [Provider, Async, SubSystem, IscsiTarget, PortalGroup, Portal, Lun]
/** How handles find their record: no method of the model. */
const INTERNAL = ['constructor', 'find']

const methods = CLASSES.flatMap(({ name, prototype }) =>
  Object.entries(Object.getOwnPropertyDescriptors(prototype))
    .filter(([method, { get }]) => get === undefined && !INTERNAL.includes(method))
    .map(([method]) => `${name}.${method}`),
)

describe('docs/management/vds.md', () => {
  const guide = readFileSync(VDS_GUIDE, 'utf8')

  it.each(Object.entries(VDS_TABLES))('has the table of %s as the code has it; else: npm run docs', (name, format) => {
    expect(readTable(guide, name)).toBe(format())
  })

  it('has every method of the object model, and no other', () => {
    expect(METHOD_ROWS.map(([, model]) => model).sort()).toEqual(methods.sort())
  })
})
