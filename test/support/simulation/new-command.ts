/**
 * A SCSI command that a simulated initiator is about to send: CDB, flags, and how much of its data goes out unasked. It
 * takes the next CmdSN of its session.
 */

import { BLOCK_BYTES, dataOf } from '../simulated-disk.ts'
import { FINAL, OPCODE, type RequestFields } from '../wire-pdu.ts'
import type { CommandIdentity, CommandKind } from './simulated-command.ts'
import { agreed, type SessionNumbers, type Surroundings } from './surroundings.ts'

/** Kinds of commands, as often as they are sent. */
export const COMMAND_KINDS: readonly CommandKind[] = ['read', 'read', 'write', 'write', 'write', 'verify', 'other']

/** A command of this kind over these blocks. */
export function newCommand(
  around: Surroundings,
  session: SessionNumbers,
  tag: number,
  kind: CommandKind,
  lba: number,
  blocks: number,
): CommandIdentity {
  const { random } = around
  const isWrite = kind === 'write' || kind === 'verify'
  const cdb = Buffer.alloc(16)
  cdb[0] = { read: 0x28, write: 0x2a, verify: 0x2e, other: random.pick([0x00, 0x35]) }[kind]
  if (kind !== 'other') {
    cdb[1] = random.chance(0.2) ? (kind === 'verify' ? 0x02 : 0x08) : 0
    cdb.writeUInt32BE(lba, 2)
    cdb.writeUInt16BE(blocks, 7)
  }
  const write = isWrite ? around.nextWrite++ : 0
  const data = isWrite ? dataOf(write, lba, blocks) : Buffer.alloc(0)
  const dataInBytes = kind === 'read' ? blocks * BLOCK_BYTES : 0
  const firstBurst = Math.min(agreed(session, 'FirstBurstLength'), data.length)
  const immediateMax = session.keys.ImmediateData === 'Yes' ? firstBurst : 0
  const immediateBytes = random.pick([0, immediateMax, random.integer(0, immediateMax)])
  const hasUnsolicited = session.keys.InitialR2T === 'No' && immediateBytes < firstBurst && random.chance(0.6)
  const { cmdSN } = session
  session.cmdSN = (cmdSN + 1) >>> 0
  const attribute = random.chance(0.85) ? 1 : random.pick([0, 2, 3])
  const request: RequestFields = {
    opcode: OPCODE.SCSI_COMMAND,
    byte1: (hasUnsolicited ? 0 : FINAL) | (dataInBytes > 0 ? 0x40 : isWrite ? 0x20 : 0) | attribute,
    itt: tag,
    words: {
      20: dataInBytes + data.length,
      24: cmdSN,
      ...Object.fromEntries([32, 36, 40, 44].map((at) => [at, cdb.readUInt32BE(at - 32)])),
    },
    data: data.subarray(0, immediateBytes),
  }
  const unsolicitedEndBytes = hasUnsolicited ? firstBurst : immediateBytes
  return { tag, cmdSN, kind, lba, blocks, write, request, immediateBytes, unsolicitedEndBytes, dataInBytes }
}
