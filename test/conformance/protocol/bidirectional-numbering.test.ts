/** Data-In and R2Ts of a bidirectional command are numbered together: RFC 7143 4.2.2.4, 11.4.8, 11.7.5, 11.8. */

import { describe, expect, it } from 'vitest'
import {
  acknowledge,
  bring,
  collect,
  complete,
  openRecovering,
  type RecoveringHost,
  replicaBytes,
  SNACK,
  snack,
} from '../../support/recovery-steps.ts'
import { bidirectionalReadAhs } from '../../support/wire-ahs.ts'
import { OPCODE } from '../../support/wire-pdu.ts'
import { pattern } from '../../support/wire-scsi.ts'

const SMALL = { MaxRecvDataSegmentLength: '512', MaxBurstLength: '1024' }

/** A command that takes 2048 bytes and gives 1024. */
function begin(session: RecoveringHost): void {
  session.host.request({
    opcode: OPCODE.SCSI_COMMAND,
    byte1: 0xe1,
    itt: 7,
    words: { 20: 2048, 24: session.host.cmdSN++ },
    ahs: bidirectionalReadAhs(1024),
  })
}

function finish({ node, host }: RecoveringHost, expDataSN: number): void {
  complete(node, 7, 2048)
  const response = host.take().at(-1)!
  expect([response.opcode, response.word(36)]).toEqual([OPCODE.SCSI_RESPONSE, expDataSN])
  acknowledge(host)
  expect(node.taken).toEqual([0, 0, 0])
}

describe.each([0, 1] as const)('at error recovery level %i', (level) => {
  it('[SN-15] [RSP-8] takes one sequence of numbers for both, and counts both', () => {
    const session = openRecovering(SMALL, {}, level)
    const { node, host } = session
    begin(session)
    bring(node, 7, pattern(512), 0)
    collect(node, 7, 2048)
    bring(node, 7, pattern(512), 512)
    const sent = host.take()
    expect(sent.map(({ opcode, header }) => [opcode, header.readUInt32BE(36)])).toEqual([
      [OPCODE.DATA_IN, 0],
      [OPCODE.R2T, 1],
      [OPCODE.DATA_IN, 2],
    ])
    host.dataOut(7, sent[1]!.ttt, 0, 0, pattern(1024))
    const [next] = host.take()
    expect(next!.word(36)).toBe(3)
    host.dataOut(7, next!.ttt, 0, 1024, pattern(1024))
    finish(session, 4)
  })

  it('[RSP-8] says 0 when no Data-In was sent', () => {
    const session = openRecovering({ ...SMALL, MaxBurstLength: '4096' }, {}, level)
    const { node, host } = session
    begin(session)
    collect(node, 7, 2048)
    host.dataOut(7, host.take()[0]!.ttt, 0, 0, pattern(2048))
    finish(session, 0)
  })
})

describe('a SNACK for a bidirectional command', () => {
  it('[ERL-4] [SN-15] has both kinds of a run again', () => {
    const session = openRecovering(SMALL)
    const { node, host } = session
    begin(session)
    bring(node, 7, pattern(512), 0)
    collect(node, 7, 2048)
    const sent = host.take()
    expect(sent.map(({ opcode, header }) => [opcode, header.readUInt32BE(36)])).toEqual([
      [OPCODE.DATA_IN, 0],
      [OPCODE.R2T, 1],
    ])
    snack(host, SNACK.data, { itt: 7, begRun: 0, runLength: 2 })
    expect(host.take().map(replicaBytes)).toEqual(sent.map(replicaBytes))
    host.dataOut(7, sent[1]!.ttt, 0, 0, pattern(1024))
    host.dataOut(7, host.take()[0]!.ttt, 0, 1024, pattern(1024))
    finish(session, 3)
  })
})
