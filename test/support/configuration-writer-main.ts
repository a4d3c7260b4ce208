/**
 * Changes the configuration in DIRECTORY without end: each change makes a LUN, a target with a secret and a portal group, or
 * takes them away, in one commit with a counter in the sub-system's name. Prints the counter of each change that was
 * acknowledged. It is to be killed.
 */

import type { Work } from '../../src/management/management.ts'
import { associateTargets } from '../../src/management/operations/association.ts'
import { setSharedSecret } from '../../src/management/operations/chap.ts'
import { addLun, deleteLun } from '../../src/management/operations/luns.ts'
import { createPortalGroup } from '../../src/management/operations/portal-groups.ts'
import { setSubSystemFriendlyName } from '../../src/management/operations/sub-system.ts'
import { createTarget, deleteTarget } from '../../src/management/operations/targets.ts'
import { mintDiskIdentity } from '../../src/store/disk-identity.ts'
import { ADMINISTRATOR } from './management-fixture.ts'
import { openStoredManagement } from './stored-management.ts'

const [, , directory = ''] = process.argv
const { management, subSystem } = await openStoredManagement(directory)
const call = { actor: ADMINISTRATOR, method: 'Test.change' }

const SECRET = Buffer.from('abcdefghijklmn')

const add: Work<unknown> = (configuration, rules) => {
  const { guid, serialNumber, naa } = mintDiskIdentity()
  const identity = { id: guid, serialNumber, naa: naa.toString('hex') }
  const made = createTarget(configuration, { iscsiName: null, friendlyName: 'pair' }, rules)
  const withGroup = createPortalGroup(made.configuration, made.result, rules)
  const withSecret = setSharedSecret(withGroup.configuration, made.result, SECRET, null, rules)
  const withLun = addLun(withSecret.configuration, identity, `luns/${guid}.img`, {}, rules)
  return associateTargets(withLun.configuration, guid, [made.result], rules)
}

const remove: Work<unknown> = (configuration) => {
  const [target] = configuration.targets.values()
  const [lunId] = target!.luns.keys()
  return deleteTarget(deleteLun(configuration, lunId!).configuration, target!.id)
}

for (let count = Number(subSystem.getProperties().friendlyName || 0) + 1; ; count++) {
  await management.change(call, (configuration, rules) => {
    const work = configuration.targets.size < 4 || count % 2 === 0 ? add : remove
    return setSubSystemFriendlyName(work(configuration, rules).configuration, String(count), rules)
  })
  console.log(count)
}
