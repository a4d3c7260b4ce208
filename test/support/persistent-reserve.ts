/**
 * PERSISTENT RESERVE commands as an initiator writes them: CDBs, parameter lists and TransportIDs from the figures of
 * SPC-4, and what comes back. Shares no code with the device server.
 */

import type { Exchange, SendOptions, TestInitiator } from './scsi-initiator.ts'

export const TYPE = {
  WRITE_EXCLUSIVE: 1,
  EXCLUSIVE_ACCESS: 3,
  WRITE_EXCLUSIVE_REGISTRANTS_ONLY: 5,
  EXCLUSIVE_ACCESS_REGISTRANTS_ONLY: 6,
  WRITE_EXCLUSIVE_ALL_REGISTRANTS: 7,
  EXCLUSIVE_ACCESS_ALL_REGISTRANTS: 8,
} as const
export const ALL_TYPES = Object.values(TYPE)

export const OUT = {
  REGISTER: 0,
  RESERVE: 1,
  RELEASE: 2,
  CLEAR: 3,
  PREEMPT: 4,
  PREEMPT_AND_ABORT: 5,
  REGISTER_AND_IGNORE: 6,
  REGISTER_AND_MOVE: 7,
  REPLACE_LOST: 8,
} as const

export interface ReserveOutFields {
  readonly key?: bigint
  readonly actionKey?: bigint
  readonly type?: number
  readonly scope?: number
  readonly aptpl?: boolean
  readonly allTargetPorts?: boolean
  /** Sets SPEC_I_PT. */
  readonly transportIds?: readonly Buffer[]
  /** The whole parameter list instead. */
  readonly list?: Buffer
  /** PARAMETER LIST LENGTH if it is not that of the list. */
  readonly lengthBytes?: number
}

/** PERSISTENT RESERVE OUT with the basic parameter list. */
export function reserveOut(
  initiator: TestInitiator,
  serviceAction: number,
  fields: ReserveOutFields = {},
  options: SendOptions = {},
): Exchange {
  const list = fields.list ?? basicList(fields)
  const cdb = Buffer.alloc(10)
  cdb[0] = 0x5f
  cdb[1] = serviceAction
  cdb[2] = ((fields.scope ?? 0) << 4) | (fields.type ?? 0)
  cdb.writeUInt32BE(fields.lengthBytes ?? list.length, 5)
  return initiator.send(cdb, { dataOut: list, ...options })
}

export function basicList(fields: ReserveOutFields): Buffer {
  const { key = 0n, actionKey = 0n, aptpl = false, allTargetPorts = false, transportIds } = fields
  const ids = Buffer.concat(transportIds ?? [])
  const list = Buffer.alloc(transportIds === undefined ? 24 : 28)
  list.writeBigUInt64BE(key, 0)
  list.writeBigUInt64BE(actionKey, 8)
  list[20] = (transportIds === undefined ? 0 : 8) | (allTargetPorts ? 4 : 0) | (aptpl ? 1 : 0)
  if (transportIds !== undefined) list.writeUInt32BE(ids.length, 24)
  return Buffer.concat([list, ids])
}

export interface MoveFields {
  readonly key?: bigint
  readonly actionKey?: bigint
  readonly unregister?: boolean
  readonly aptpl?: boolean
  readonly relativeTargetPort?: number
  readonly transportId?: Buffer
}

/** The parameter list of REGISTER AND MOVE. */
export function moveList(fields: MoveFields): Buffer {
  const { key = 0n, actionKey = 0n, relativeTargetPort = 1, transportId = Buffer.alloc(0) } = fields
  const list = Buffer.alloc(24)
  list.writeBigUInt64BE(key, 0)
  list.writeBigUInt64BE(actionKey, 8)
  list[17] = (fields.unregister ? 2 : 0) | (fields.aptpl ? 1 : 0)
  list.writeUInt16BE(relativeTargetPort, 18)
  list.writeUInt32BE(transportId.length, 20)
  return Buffer.concat([list, transportId])
}

/** An iSCSI TransportID: format 01b for a text with `,i,0x`, format 00b for a device name. */
export function transportId(text: string): Buffer {
  const bytes = Math.max(20, Math.ceil((text.length + 1) / 4) * 4)
  const id = Buffer.alloc(4 + bytes)
  id[0] = text.includes(',i,0x') ? 0x45 : 0x05
  id.writeUInt16BE(bytes, 2)
  id.write(text, 4)
  return id
}

/** The Data-In of PERSISTENT RESERVE IN. */
export function reserveIn(initiator: TestInitiator, serviceAction: number, allocationLength = 0xffff): Exchange {
  const cdb = Buffer.alloc(10)
  cdb[0] = 0x5e
  cdb[1] = serviceAction
  cdb.writeUInt16BE(allocationLength, 7)
  return initiator.send(cdb)
}

export interface Keys {
  readonly generation: number
  readonly keys: readonly bigint[]
}

export function readKeys(initiator: TestInitiator): Keys {
  const { dataIn } = reserveIn(initiator, 0)
  const keys: bigint[] = []
  for (let at = 8; at < 8 + dataIn.readUInt32BE(4); at += 8) keys.push(dataIn.readBigUInt64BE(at))
  return { generation: dataIn.readUInt32BE(0), keys }
}

/** Key and type of the reservation; null when there is none. */
export function readReservation(initiator: TestInitiator): { readonly key: bigint; readonly type: number } | null {
  const { dataIn } = reserveIn(initiator, 1)
  if (dataIn.readUInt32BE(4) === 0) return null
  return { key: dataIn.readBigUInt64BE(8), type: dataIn[21]! }
}

export interface FullStatus {
  readonly key: bigint
  readonly isHolder: boolean
  readonly type: number
  readonly relativeTargetPort: number
  readonly transportId: Buffer
}

export function readFullStatus(initiator: TestInitiator): FullStatus[] {
  const { dataIn } = reserveIn(initiator, 3)
  const statuses: FullStatus[] = []
  for (let at = 8; at < 8 + dataIn.readUInt32BE(4); ) {
    const idBytes = dataIn.readUInt32BE(at + 20)
    statuses.push({
      key: dataIn.readBigUInt64BE(at),
      isHolder: (dataIn[at + 12]! & 1) !== 0,
      type: dataIn[at + 13]!,
      relativeTargetPort: dataIn.readUInt16BE(at + 18),
      transportId: dataIn.subarray(at + 24, at + 24 + idBytes),
    })
    at += 24 + idBytes
  }
  return statuses
}

/** TEST UNIT READY until it is GOOD: the sense of what was pending, e.g. `['6/2a/05']`. */
export function pendingAttentions(initiator: TestInitiator): string[] {
  const seen: string[] = []
  for (;;) {
    const { senseText } = initiator.send([0x00])
    if (senseText === null) return seen
    seen.push(senseText)
  }
}
