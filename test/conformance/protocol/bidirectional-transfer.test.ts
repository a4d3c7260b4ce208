/** How data and R2Ts of a bidirectional command take turns on the wire, RFC 7143 4.2.2.4, 11.4.8 and 11.7.1. */

import { describe, expect, it } from 'vitest'
import { bidirectionalReadAhs } from '../../support/wire-ahs.ts'
import { useTarget } from '../../support/wire-fixture.ts'
import type { WireInitiator } from '../../support/wire-initiator.ts'
import { hasStatus } from '../../support/wire-invariants.ts'
import { FINAL, OPCODE, type TargetPdu } from '../../support/wire-pdu.ts'
import { answerR2T, execute, GOOD, pattern, read10, SIMPLE, sendCommand, write10 } from '../../support/wire-scsi.ts'

const fixture = useTarget()

const READ_AND_WRITE = FINAL | 0x60 | SIMPLE
const BLOCK_BYTES = 512
const BLOCKS = 4
const LBA = 20
/** XDWRITEREAD (10): writes its data, and gives the exclusive-or of them with what was there. */
const XDWRITEREAD_10 = Buffer.from([0x53, 0, 0, 0, 0, LBA, 0, 0, BLOCKS, 0])

/** Run it to its end: R2Ts and Data-In in the order of their arrival, and the response. */
async function exchange(initiator: WireInitiator, writeData: Buffer): Promise<TargetPdu[]> {
  const fields = { byte1: READ_AND_WRITE, ahs: bidirectionalReadAhs(writeData.length), words: { 20: writeData.length } }
  const itt = await sendCommand(initiator, { cdb: XDWRITEREAD_10, fields })
  const pdus: TargetPdu[] = []
  while (pdus.at(-1)?.opcode !== OPCODE.SCSI_RESPONSE) {
    const pdu = await initiator.read()
    expect(pdu.itt).toBe(itt)
    if (pdu.opcode === OPCODE.R2T) await answerR2T(initiator, pdu, writeData)
    pdus.push(pdu)
  }
  return pdus
}

describe('a bidirectional command whose bursts are one block', () => {
  const least = String(BLOCK_BYTES)
  const keys = { MaxRecvDataSegmentLength: least, MaxBurstLength: least, FirstBurstLength: least }
  const before = pattern(BLOCKS * BLOCK_BYTES, 91)
  const writeData = pattern(BLOCKS * BLOCK_BYTES, 92)

  it('[DATA-30] [DATA-17] [DATA-21] gives and takes all data, each sequence with F, and then its status', async () => {
    const initiator = await fixture.open(keys)
    expect((await execute(initiator, { cdb: write10(LBA, BLOCKS), writeData: before })).status).toBe(GOOD)
    const pdus = await exchange(initiator, writeData)
    const dataIns = pdus.filter(({ opcode }) => opcode === OPCODE.DATA_IN)
    expect(dataIns.map((pdu) => [pdu.isFinal, hasStatus(pdu)])).toEqual(Array(BLOCKS).fill([true, false]))
    const exclusiveOr = Buffer.from(before.map((byte, at) => byte ^ writeData[at]!))
    expect(Buffer.concat(dataIns.map(({ data }) => data)).equals(exclusiveOr)).toBe(true)
    const response = pdus.at(-1)!
    expect([response.byte(2), response.byte(3), response.byte(1) & 0x1e]).toEqual([0, GOOD, 0])
    const after = await execute(initiator, { cdb: read10(LBA, BLOCKS), readBytes: writeData.length })
    expect(after.data.equals(writeData)).toBe(true)
  })

  it('[DATA-30] [SN-15] [RSP-8] numbers R2Ts and Data-In in one row', async () => {
    const initiator = await fixture.open(keys)
    const pdus = await exchange(initiator, writeData)
    const response = pdus.pop()!
    expect(pdus.map((pdu) => pdu.word(36))).toEqual(Array.from({ length: 2 * BLOCKS }, (_, index) => index))
    expect(pdus.filter(({ opcode }) => opcode === OPCODE.R2T).length).toBe(BLOCKS)
    expect(response.word(36)).toBe(2 * BLOCKS)
  })
})
