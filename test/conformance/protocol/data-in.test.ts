/** Read data: how it is cut into PDUs and sequences, RFC 7143 11.7 and 13.12, 13.13. */

import { describe, expect, it } from 'vitest'
import { useTarget } from '../../support/wire-fixture.ts'
import { hasStatus } from '../../support/wire-invariants.ts'
import { NO_TAG, OPCODE } from '../../support/wire-pdu.ts'
import {
  CHECK_CONDITION,
  clearUnitAttentions,
  execute,
  finishCommand,
  GOOD,
  inquiry,
  pattern,
  read10,
  sendCommand,
  testUnitReady,
  write10,
} from '../../support/wire-scsi.ts'

const fixture = useTarget()

describe('Data-In', () => {
  it('[DATA-17] [DATA-18] ends each sequence of MaxBurstLength with F', async () => {
    const initiator = await fixture.open({ MaxBurstLength: '1024', MaxRecvDataSegmentLength: '512' })
    expect(initiator.parameters.maxBurstLength).toBe(1024)
    const { dataIns } = await execute(initiator, { cdb: read10(0, 4), readBytes: 2048 })
    expect(dataIns.map(({ data, isFinal }) => [data.length, isFinal])).toEqual([
      [512, false],
      [512, true],
      [512, false],
      [512, true],
    ])
  })

  it.each([
    [513, 512],
    [1023, 1020],
    [8191, 8188],
  ])('[DATA-19] sends multiples of four bytes when the initiator takes %i', async (limit, pieceBytes) => {
    const initiator = await fixture.open({ MaxRecvDataSegmentLength: String(limit) })
    const { data, dataIns } = await execute(initiator, { cdb: read10(0, 64), readBytes: 32_768 })
    expect(data.length).toBe(32_768)
    const lengths = dataIns.map((pdu) => pdu.data.length)
    expect(new Set(lengths.slice(0, -1))).toEqual(new Set([pieceBytes]))
  })

  it.each([512, 4096, 65_536, 1_000_000])(
    '[DATA-14] [DATA-20] [DATA-24] gives the data in order, cut to %i',
    async (limit) => {
      const initiator = await fixture.open({ MaxRecvDataSegmentLength: String(limit), MaxBurstLength: '262144' })
      const writeData = pattern(1_048_576, limit)
      expect((await execute(initiator, { cdb: write10(1000, 2048), writeData })).status).toBe(GOOD)
      const { data, status } = await execute(initiator, { cdb: read10(1000, 2048), readBytes: 1_048_576 })
      expect(status).toBe(GOOD)
      expect(data.equals(writeData)).toBe(true)
    },
  )

  it('[DATA-21] [DATA-22] carries the status of a read that went well, without residual', async () => {
    const initiator = await fixture.open()
    const { final, status } = await execute(initiator, { cdb: read10(0, 1), readBytes: 512 })
    expect(status).toBe(GOOD)
    expect([final.opcode, final.byte(1), final.byte(3), final.word(44)]).toEqual([OPCODE.DATA_IN, 0x81, GOOD, 0])
  })

  it('[DATA-21] leaves a unit attention to a SCSI Response', async () => {
    const initiator = await fixture.connect()
    await initiator.login()
    const itt = await sendCommand(initiator, { cdb: read10(0, 1), readBytes: 512 })
    const { final, status, sense } = await finishCommand(initiator, itt, { cdb: read10(0, 1), readBytes: 512 })
    expect([final.opcode, status, sense?.key]).toEqual([OPCODE.SCSI_RESPONSE, CHECK_CONDITION, 0x06])
  })

  it('[DATA-21] leaves a status with a residual to a SCSI Response', async () => {
    const initiator = await fixture.open()
    const { dataIns, final } = await execute(initiator, { cdb: read10(0, 1), readBytes: 1024 })
    expect(dataIns.map(hasStatus)).toEqual([false])
    expect([final.opcode, final.byte(1), final.word(44)]).toEqual([OPCODE.SCSI_RESPONSE, 0x82, 512])
  })

  it('[DATA-23] never asks for acknowledgement at error recovery level 0', async () => {
    const initiator = await fixture.open({ ErrorRecoveryLevel: '0', MaxBurstLength: '1024' })
    const { dataIns } = await execute(initiator, { cdb: read10(0, 8), readBytes: 4096 })
    expect(dataIns.map((pdu) => [pdu.byte(1) & 0x40, pdu.ttt])).toEqual(dataIns.map(() => [0, NO_TAG]))
    expect(dataIns.length).toBe(4)
  })

  it('[DATA-24] keeps the data of commands that run together apart', async () => {
    const initiator = await fixture.open()
    const tags = new Map<number, number>()
    for (let lba = 0; lba < 8; lba++) {
      const writeData = pattern(512, 100 + lba)
      await execute(initiator, { cdb: write10(lba, 1), writeData, immediateBytes: 512 })
    }
    for (let lba = 0; lba < 8; lba++)
      tags.set(await sendCommand(initiator, { cdb: read10(lba, 1), readBytes: 512 }), lba)
    const ended = new Set<number>()
    while (ended.size < 8) {
      const pdu = await initiator.read()
      const lba = tags.get(pdu.itt)!
      expect(ended.has(lba)).toBe(false)
      if (pdu.opcode === OPCODE.DATA_IN) expect(pdu.data.equals(pattern(512, 100 + lba))).toBe(true)
      if (pdu.opcode === OPCODE.SCSI_RESPONSE || hasStatus(pdu)) ended.add(lba)
    }
  })

  it('[DATA-29] gives no more than the initiator expects', async () => {
    const initiator = await fixture.open()
    const short = await execute(initiator, { cdb: inquiry(96), readBytes: 20 })
    expect(short.data.length).toBe(20)
    expect((await execute(initiator, { cdb: testUnitReady() })).status).toBe(GOOD)
  })
})

describe('several logical units', () => {
  const MIB = 1024 * 1024
  const several = useTarget({
    disks: [{ sizeBytes: MIB }, { sizeBytes: 4 * MIB, blockLengthBytes: 4096 }, { sizeBytes: MIB, readOnly: true }],
  })

  it('[DATA-11] hold their own data', async () => {
    const initiator = await several.open()
    await clearUnitAttentions(initiator, 1)
    const writes = [
      { lun: 0, cdb: write10(3, 16), writeData: pattern(8192, 81) },
      { lun: 1, cdb: write10(3, 16), writeData: pattern(65_536, 82) },
    ]
    for (const write of writes) expect((await execute(initiator, write)).status).toBe(GOOD)
    for (const { lun, writeData } of writes) {
      const { data } = await execute(initiator, { lun, cdb: read10(3, 16), readBytes: writeData.length })
      expect(data.equals(writeData)).toBe(true)
    }
  })

  it('refuse to be written when they are read-only, with their data and without', async () => {
    const initiator = await several.open()
    await clearUnitAttentions(initiator, 2)
    for (const immediateBytes of [0, 512]) {
      const request = { lun: 2, cdb: write10(0, 1), writeData: pattern(512, 83), immediateBytes }
      const { status, sense } = await execute(initiator, request)
      expect([status, sense]).toEqual([CHECK_CONDITION, { key: 0x07, code: 0x2700 }])
    }
    const { data } = await execute(initiator, { lun: 2, cdb: read10(0, 1), readBytes: 512 })
    expect(data.equals(Buffer.alloc(512))).toBe(true)
  })
})
