/**
 * WRITE BUFFER and READ BUFFER (10) (SPC-4; SPC-3 6.35 and 6.15): memory of the device that tests of the way to it write
 * and read back. The echo buffer is one for each nexus, so that none ever reads what another wrote; the data buffer is one
 * for the logical unit. Microcode is not taken.
 */

import { bits, cdb, invalidField, readField, uint, unsupported } from '../cdb.ts'
import type { Command } from '../command.ts'
import { checkCondition } from '../completion.ts'
import { type AccessClass, defineCommand } from '../define-command.ts'
import type { ItlNexus } from '../itl-nexus.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import { sendParameterData } from '../parameter-data.ts'
import { receiveParameterList } from '../parameter-list.ts'
import { SENSE } from '../sense-codes.ts'

/** MODE (SPC-3 table 126). */
const MODE = { DATA: 0x02, DESCRIPTOR: 0x03, ECHO_BUFFER: 0x0a, ECHO_BUFFER_DESCRIPTOR: 0x0b } as const

/** BUFFER ID of the only data buffer. */
const DATA_BUFFER_ID = 0
const DATA_BUFFER_BYTES = 64 * 1024
/** As large as the standard lets it be. */
const ECHO_BUFFER_BYTES = 4096

const PLACE = {
  modeSpecific: unsupported(1, 7, 5),
  mode: bits(1, 4, 0),
  bufferId: uint(2, 1),
  bufferOffset: uint(3, 3),
}
const { mode, bufferId, bufferOffset } = PLACE
const WRITE_CDB = cdb(10, { ...PLACE, parameterListLength: uint(6, 3) })
const READ_CDB = cdb(10, { ...PLACE, allocationLength: uint(6, 3) })

const WRITE_BUFFER = defineCommand({
  name: 'WRITE BUFFER',
  operationCode: 0x3b,
  standard: 'SPC-4',
  cdb: WRITE_CDB,
  data: 'out',
  reservationClass: 'configuration',
  accessClass: accessClassOfMode,
  taskClass: 'configuration',
  execute: writeBuffer,
})

const READ_BUFFER_10 = defineCommand({
  name: 'READ BUFFER (10)',
  operationCode: 0x3c,
  standard: 'SPC-4',
  cdb: READ_CDB,
  data: 'in',
  reservationClass: 'read',
  accessClass: accessClassOfMode,
  taskClass: 'information',
  execute: readBuffer,
})

export const BUFFER_COMMANDS = [WRITE_BUFFER, READ_BUFFER_10]

/** The echo buffer tests the way to the device, which it can in every state of that (SPC-3 5.8.2.4). */
function accessClassOfMode(cdbBytes: Buffer): AccessClass {
  const code = readField(cdbBytes, mode)
  return code === MODE.ECHO_BUFFER || code === MODE.ECHO_BUFFER_DESCRIPTOR ? 'always' : 'medium'
}

function writeBuffer(command: Command, logicalUnit: LogicalUnit, itlNexus: ItlNexus): void {
  switch (readField(command.cdb, mode)) {
    case MODE.DATA:
      writeDataBuffer(command, logicalUnit)
      break
    case MODE.ECHO_BUFFER:
      receiveParameterList(
        command,
        logicalUnit,
        (list) => {
          itlNexus.echoBuffer = list
          return null
        },
        ECHO_BUFFER_BYTES,
      )
      break
    default:
      checkCondition(command, invalidField(mode))
  }
}

function writeDataBuffer(command: Command, logicalUnit: LogicalUnit): void {
  const offsetBytes = readField(command.cdb, bufferOffset)
  if (readField(command.cdb, bufferId) !== DATA_BUFFER_ID) checkCondition(command, invalidField(bufferId))
  else if (offsetBytes > DATA_BUFFER_BYTES) checkCondition(command, invalidField(bufferOffset))
  else {
    receiveParameterList(
      command,
      logicalUnit,
      (list) => {
        logicalUnit.dataBuffer ??= Buffer.alloc(DATA_BUFFER_BYTES)
        list.copy(logicalUnit.dataBuffer, offsetBytes)
        return null
      },
      DATA_BUFFER_BYTES - offsetBytes,
    )
  }
}

function readBuffer(command: Command, logicalUnit: LogicalUnit, { echoBuffer }: ItlNexus): void {
  const id = readField(command.cdb, bufferId)
  switch (readField(command.cdb, mode)) {
    case MODE.DATA:
      readDataBuffer(command, logicalUnit)
      break
    case MODE.DESCRIPTOR:
      sendParameterData(command, descriptor(id === DATA_BUFFER_ID ? DATA_BUFFER_BYTES : 0))
      break
    case MODE.ECHO_BUFFER:
      if (echoBuffer === null) checkCondition(command, SENSE.COMMAND_SEQUENCE_ERROR)
      else sendParameterData(command, Buffer.from(echoBuffer))
      break
    case MODE.ECHO_BUFFER_DESCRIPTOR:
      sendParameterData(command, echoBufferDescriptor())
      break
    default:
      checkCondition(command, invalidField(mode))
  }
}

function readDataBuffer(command: Command, { dataBuffer }: LogicalUnit): void {
  const offsetBytes = readField(command.cdb, bufferOffset)
  if (readField(command.cdb, bufferId) !== DATA_BUFFER_ID) checkCondition(command, invalidField(bufferId))
  else if (offsetBytes > DATA_BUFFER_BYTES) checkCondition(command, invalidField(bufferOffset))
  else {
    const data = Buffer.alloc(DATA_BUFFER_BYTES - offsetBytes)
    dataBuffer?.copy(data, 0, offsetBytes)
    sendParameterData(command, data)
  }
}

/** READ BUFFER descriptor (SPC-3 table 128): OFFSET BOUNDARY zero allows every byte. */
function descriptor(capacityBytes: number): Buffer {
  const data = Buffer.alloc(4)
  data.writeUIntBE(capacityBytes, 1, 3)
  return data
}

/** Echo buffer descriptor (SPC-3 table 130): with EBOS, for what a nexus reads is what it wrote. */
function echoBufferDescriptor(): Buffer {
  const EBOS = 0x01
  const data = Buffer.alloc(4)
  data[0] = EBOS
  data.writeUInt16BE(ECHO_BUFFER_BYTES, 2)
  return data
}
