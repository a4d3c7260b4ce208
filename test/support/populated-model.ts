/**
 * A started object model with one of everything: a LUN behind a target, a portal in its group, and beside them a target, a
 * group and a portal that nothing is associated with.
 */

import { VdsError } from '../../src/management/hresult.ts'
import type { IscsiTarget } from '../../src/management/iscsi-target.ts'
import type { Lun } from '../../src/management/lun.ts'
import type { ManagementLimits } from '../../src/management/management-limits.ts'
import type { Portal } from '../../src/management/portal.ts'
import type { PortalGroup } from '../../src/management/portal-group.ts'
import { type ManagementFixture, startManagement } from './management-fixture.ts'

export interface PopulatedModel extends ManagementFixture {
  readonly lun: Lun
  readonly target: IscsiTarget
  readonly group: PortalGroup
  readonly portal: Portal
  readonly freeTarget: IscsiTarget
  readonly emptyGroup: PortalGroup
  readonly freePortal: Portal
}

export const TARGET_NAME = 'iqn.2000-01.org.example:target'
export const INITIATOR = 'iqn.2000-01.org.example:initiator'
export const UNKNOWN_ID = '99999999-9999-4999-8999-999999999999'
export const SECRET = Buffer.from('abcdefghijklmn')

export async function populatedModel(limits: Partial<ManagementLimits> = {}): Promise<PopulatedModel> {
  const fixture = await startManagement({ limits })
  const { subSystem } = fixture
  const portal = await subSystem.createPortal({ host: '127.0.0.1', port: 3260 })
  const freePortal = await subSystem.createPortal({ host: '127.0.0.1', port: 3261 })
  const target = (await (await subSystem.createTarget(TARGET_NAME, 'alias')).wait()).output!
  const freeTarget = (await (await subSystem.createTarget(null)).wait()).output!
  const group = (await (await target.createPortalGroup()).wait()).output!
  const emptyGroup = (await (await freeTarget.createPortalGroup()).wait()).output!
  await (await group.addPortal(portal.id)).wait()
  const lun = (await (await subSystem.createLun({ sizeBytes: 2 ** 20 })).wait()).output!
  await lun.associateTargets([target.id])
  return { ...fixture, lun, target, group, portal, freeTarget, emptyGroup, freePortal }
}

/** What a call came to: the name of its failure, or of its success, also when that is in what it returns. */
export async function hresultOf(run: () => unknown): Promise<string> {
  try {
    const returned = await run()
    if (typeof returned === 'string' && /^(?:VDS_)?S_/.test(returned)) return returned
    return (returned as { hresult?: string } | null | undefined)?.hresult ?? 'S_OK'
  } catch (error) {
    if (error instanceof VdsError) return error.name
    throw error
  }
}
