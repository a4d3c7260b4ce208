/**
 * REPORT TARGET PORT GROUPS (SPC-4; SPC-3 6.25): how the logical unit can be reached through each target port group of
 * the target that the command came through. Answered in every access state.
 */

import { ACCESS_STATES, type TargetPortGroupAccess } from '../../access-states.ts'
import { bits, cdb, invalidField, readField, uint } from '../../cdb.ts'
import { checkCondition } from '../../completion.ts'
import { defineCommand } from '../../define-command.ts'
import { EVERY_DEVICE_TYPE } from '../../device-type.ts'
import { bit, bits as dataBits, uint as dataUint, writeFields } from '../../pages/parameter-fields.ts'
import { sendParameterData } from '../../parameter-data.ts'

const CDB = cdb(12, { parameterDataFormat: bits(1, 7, 5), allocationLength: uint(6, 4) })
const { parameterDataFormat } = CDB.fields

/** PARAMETER DATA FORMAT (SPC-4): which header comes before the descriptors. */
const PARAMETER_DATA_FORMAT = { LENGTH_ONLY: 0b000, EXTENDED_HEADER: 0b001 } as const

/** RETURN DATA LENGTH counts the bytes after itself. */
const LENGTH_BYTES = 4

/** What the extended header adds. IMPLICIT TRANSITION TIME stays zero, no time specified: a transition takes none. */
const EXTENDED_HEADER_BYTES = 4
const EXTENDED_HEADER = { FORMAT_TYPE: dataBits(0, 6, 4), IMPLICIT_TRANSITION_TIME: dataUint(1, 1) } as const

/** A target port group descriptor with its one target port descriptor. */
const DESCRIPTOR_BYTES = 12
const DESCRIPTOR = {
  PREF: bit(0, 7),
  ASYMMETRIC_ACCESS_STATE: dataBits(0, 3, 0),
  T_SUP: bit(1, 7),
  O_SUP: bit(1, 6),
  U_SUP: bit(1, 3),
  S_SUP: bit(1, 2),
  AN_SUP: bit(1, 1),
  AO_SUP: bit(1, 0),
  TARGET_PORT_GROUP: dataUint(2, 2),
  STATUS_CODE: dataUint(5, 1),
  TARGET_PORT_COUNT: dataUint(7, 1),
  RELATIVE_TARGET_PORT_IDENTIFIER: dataUint(10, 2),
} as const

/** Every state that a group can be in is supported. */
const SUPPORTED_STATES = { T_SUP: true, O_SUP: true, U_SUP: true, S_SUP: true, AN_SUP: true, AO_SUP: true } as const

export const REPORT_TARGET_PORT_GROUPS = defineCommand({
  name: 'REPORT TARGET PORT GROUPS',
  deviceTypes: EVERY_DEVICE_TYPE,
  operationCode: 0xa3,
  serviceAction: 0x0a,
  standard: 'SPC-4',
  cdb: CDB,
  data: 'in',
  reservationClass: 'status',
  accessClass: 'always',
  taskClass: 'information',
  execute: (command, { accessStates }, { target }) => {
    const format = readField(command.cdb, parameterDataFormat)
    if (format > PARAMETER_DATA_FORMAT.EXTENDED_HEADER) {
      checkCondition(command, invalidField(parameterDataFormat))
      return
    }
    const groups = target.targetPorts().map(({ relativeTargetPort }) => relativeTargetPort)
    const descriptors = groups.sort((a, b) => a - b).map((group) => groupDescriptor(group, accessStates.of(group)))
    sendParameterData(command, withHeader(descriptors, format === PARAMETER_DATA_FORMAT.EXTENDED_HEADER))
  },
})

function withHeader(descriptors: readonly Buffer[], isExtended: boolean): Buffer {
  const length = Buffer.alloc(LENGTH_BYTES)
  const extension = Buffer.alloc(isExtended ? EXTENDED_HEADER_BYTES : 0)
  if (isExtended) writeFields(extension, EXTENDED_HEADER, { FORMAT_TYPE: PARAMETER_DATA_FORMAT.EXTENDED_HEADER })
  const data = Buffer.concat([length, extension, ...descriptors])
  data.writeUInt32BE(data.length - LENGTH_BYTES, 0)
  return data
}

function groupDescriptor(targetPort: number, { state, isPreferred, statusCode }: TargetPortGroupAccess): Buffer {
  const descriptor = Buffer.alloc(DESCRIPTOR_BYTES)
  writeFields(descriptor, DESCRIPTOR, {
    ...SUPPORTED_STATES,
    PREF: isPreferred,
    ASYMMETRIC_ACCESS_STATE: ACCESS_STATES[state].code,
    TARGET_PORT_GROUP: targetPort,
    STATUS_CODE: statusCode,
    TARGET_PORT_COUNT: 1,
    RELATIVE_TARGET_PORT_IDENTIFIER: targetPort,
  })
  return descriptor
}
