/**
 * REPORT IDENTIFYING INFORMATION and SET IDENTIFYING INFORMATION (SPC-4; SPC-3 6.20 and 6.29 under the names with DEVICE
 * IDENTIFIER): a note that an application client leaves on the disk. It is kept with the disk, over every restart.
 */

import { bits, cdb, invalidField, readField, uint } from '../cdb.ts'
import type { Command } from '../command.ts'
import { checkCondition } from '../completion.ts'
import { defineCommand } from '../define-command.ts'
import type { ItlNexus } from '../itl-nexus.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import { sendParameterData } from '../parameter-data.ts'
import { receiveParameterList } from '../parameter-list.ts'
import { invalidFieldInParameterList } from '../sense.ts'
import { SENSE } from '../sense-codes.ts'

/** INFORMATION TYPE, which has its lowest bit reserved for another standard. */
const INFORMATION_TYPE = {
  PERIPHERAL_DEVICE_IDENTIFYING_INFORMATION: 0b0000000,
  PERIPHERAL_DEVICE_TEXT_IDENTIFYING_INFORMATION: 0b0000010,
  IDENTIFYING_INFORMATION_SUPPORTED: 0b1111111,
} as const

/** The information that can be set: under which key it is kept, and how long it may be. */
const SETTABLE = [
  {
    type: INFORMATION_TYPE.PERIPHERAL_DEVICE_IDENTIFYING_INFORMATION,
    key: 'identifyingInformation',
    bytesMax: 512,
    isText: false,
  },
  {
    type: INFORMATION_TYPE.PERIPHERAL_DEVICE_TEXT_IDENTIFYING_INFORMATION,
    key: 'textIdentifyingInformation',
    bytesMax: 256,
    isText: true,
  },
] as const
type Settable = (typeof SETTABLE)[number]

const REPORT_CDB = cdb(12, { allocationLength: uint(6, 4), informationType: bits(10, 7, 1) })
const SET_CDB = cdb(12, { parameterListLength: uint(6, 4), informationType: bits(10, 7, 1) })

const REPORT_IDENTIFYING_INFORMATION = defineCommand({
  name: 'REPORT IDENTIFYING INFORMATION',
  operationCode: 0xa3,
  serviceAction: 0x05,
  standard: 'SPC-4',
  cdb: REPORT_CDB,
  data: 'in',
  reservationClass: 'status',
  taskClass: 'information',
  execute: reportIdentifyingInformation,
})

const SET_IDENTIFYING_INFORMATION = defineCommand({
  name: 'SET IDENTIFYING INFORMATION',
  operationCode: 0xa4,
  serviceAction: 0x06,
  standard: 'SPC-4',
  cdb: SET_CDB,
  data: 'out',
  reservationClass: 'configuration',
  taskClass: 'configuration',
  execute: setIdentifyingInformation,
})

export const IDENTIFYING_INFORMATION_COMMANDS = [REPORT_IDENTIFYING_INFORMATION, SET_IDENTIFYING_INFORMATION]

function reportIdentifyingInformation(command: Command, { savedState }: LogicalUnit): void {
  const field = REPORT_CDB.fields.informationType
  const type = readField(command.cdb, field)
  if (type === INFORMATION_TYPE.IDENTIFYING_INFORMATION_SUPPORTED) {
    sendParameterData(command, supportedInformation())
    return
  }
  const settable = SETTABLE.find((row) => row.type === type)
  if (settable === undefined) {
    checkCondition(command, invalidField(field))
    return
  }
  const information = savedState.read(settable.key) ?? Buffer.alloc(0)
  const data = Buffer.concat([Buffer.alloc(4), information])
  data.writeUInt16BE(information.length, 2)
  sendParameterData(command, data)
}

/** Identifying information supported: a descriptor for each information type. */
function supportedInformation(): Buffer {
  const descriptors = [
    ...SETTABLE.map(({ type, bytesMax }) => ({ type, bytesMax })),
    { type: INFORMATION_TYPE.IDENTIFYING_INFORMATION_SUPPORTED, bytesMax: 0 },
  ].map(({ type, bytesMax }) => Buffer.from([type << 1, 0, bytesMax >> 8, bytesMax & 0xff]))
  const data = Buffer.concat([Buffer.alloc(4), ...descriptors])
  data.writeUInt16BE(data.length - 4, 2)
  return data
}

function setIdentifyingInformation(command: Command, logicalUnit: LogicalUnit, itlNexus: ItlNexus): void {
  const { informationType, parameterListLength } = SET_CDB.fields
  const settable = SETTABLE.find((row) => row.type === readField(command.cdb, informationType))
  if (settable === undefined) {
    checkCondition(command, invalidField(informationType))
    return
  }
  // A list of no bytes is information too: it forgets what there was.
  if (readField(command.cdb, parameterListLength) === 0) keep(logicalUnit, itlNexus, settable, Buffer.alloc(0))
  receiveParameterList(
    command,
    logicalUnit,
    (list) => {
      if (settable.isText && !isTerminatedText(list)) return invalidFieldInParameterList(list.length - 1)
      keep(logicalUnit, itlNexus, settable, list)
      return null
    },
    settable.bytesMax,
  )
}

/** The text is UTF-8 that ends with a zero byte, and has no other. */
function isTerminatedText(list: Buffer): boolean {
  return list.indexOf(0) === list.length - 1
}

function keep(logicalUnit: LogicalUnit, itlNexus: ItlNexus, { key }: Settable, information: Buffer): void {
  const previous = logicalUnit.savedState.read(key) ?? Buffer.alloc(0)
  if (previous.equals(information)) return
  logicalUnit.savedState.write(key, information.length === 0 ? null : information)
  logicalUnit.establishUnitAttention(SENSE.DEVICE_IDENTIFIER_CHANGED, itlNexus)
}
