/**
 * SET TARGET PORT GROUPS (SPC-4; SPC-3 6.31): an initiator moves target port groups into other access states. All of a
 * list is carried out at once or, when something in it is wrong, none. What is offline or in transition is so because
 * somebody else decided it, and stays so.
 */

import { ACCESS_STATES, type AccessChange, accessStateForInitiators } from '../../access-states.ts'
import { cdb, invalidField, readField, uint } from '../../cdb.ts'
import { checkCondition } from '../../completion.ts'
import { defineCommand } from '../../define-command.ts'
import type { ItlNexus } from '../../itl-nexus.ts'
import type { LogicalUnit } from '../../logical-unit.ts'
import { receiveParameterList } from '../../parameter-list.ts'
import { invalidFieldInParameterList, type SenseData } from '../../sense.ts'

const CDB = cdb(12, { parameterListLength: uint(6, 4) })
const { parameterListLength } = CDB.fields

const HEADER_BYTES = 4

/** Set target port group descriptor (SPC-3 table 179), byte offsets within it. */
const DESCRIPTOR = { byteCount: 4, state: { byte: 0, high: 3, mask: 0x0f }, targetPortGroup: 2 } as const

export const SET_TARGET_PORT_GROUPS = defineCommand({
  name: 'SET TARGET PORT GROUPS',
  operationCode: 0xa4,
  serviceAction: 0x0a,
  standard: 'SPC-4',
  cdb: CDB,
  data: 'out',
  reservationClass: 'configuration',
  accessClass: 'management',
  taskClass: 'configuration',
  execute: (command, logicalUnit, itlNexus) => {
    // With a length of zero nothing is transferred, and nothing changes; no list is shorter than its header.
    const lengthBytes = readField(command.cdb, parameterListLength)
    if (lengthBytes % DESCRIPTOR.byteCount !== 0) checkCondition(command, invalidField(parameterListLength))
    else receiveParameterList(command, logicalUnit, (list) => setAccessStates(list, logicalUnit, itlNexus))
  },
})

/** Returns what is wrong with the list, or null when it was carried out. */
function setAccessStates(list: Buffer, logicalUnit: LogicalUnit, itlNexus: ItlNexus): SenseData | null {
  const targetPorts = itlNexus.target.targetPorts()
  const changes = new Map<number, AccessChange>()
  for (let at = HEADER_BYTES; at < list.length; at += DESCRIPTOR.byteCount) {
    const { state: stateField } = DESCRIPTOR
    const state = accessStateForInitiators(list[at + stateField.byte]! & stateField.mask)
    if (state === null) return invalidFieldInParameterList(at + stateField.byte, stateField.high)
    const targetPortGroup = list.readUInt16BE(at + DESCRIPTOR.targetPortGroup)
    const isKnown = targetPorts.some(({ relativeTargetPort }) => relativeTargetPort === targetPortGroup)
    if (!isKnown || changes.has(targetPortGroup) || !isChangeable(logicalUnit, targetPortGroup)) {
      return invalidFieldInParameterList(at + DESCRIPTOR.targetPortGroup)
    }
    changes.set(targetPortGroup, { targetPortGroup, state })
  }
  logicalUnit.changeAccess([...changes.values()], itlNexus)
  return null
}

function isChangeable({ accessStates }: LogicalUnit, targetPortGroup: number): boolean {
  return ACCESS_STATES[accessStates.of(targetPortGroup).state].isForInitiators
}
