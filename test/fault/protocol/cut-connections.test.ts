/** Connections that end in the middle of something: nothing half-done reaches the disk, and nothing is left behind. */

import { describe, expect, it } from 'vitest'
import { useTarget } from '../../support/wire-fixture.ts'
import { NO_TAG } from '../../support/wire-pdu.ts'
import {
  commandFields,
  dataOutFields,
  execute,
  GOOD,
  holdWrite,
  pattern,
  read10,
  sendCommand,
  write10,
} from '../../support/wire-scsi.ts'

const fixture = useTarget()
const BLOCK_BYTES = 512

/** Every block holds either what it held before or what the cut write would have put there. */
function expectOldOrNew(data: Buffer, before: Buffer, after: Buffer): void {
  for (let offset = 0; offset < data.length; offset += BLOCK_BYTES) {
    const block = (bytes: Buffer) => bytes.subarray(offset, offset + BLOCK_BYTES).toString('hex')
    expect([block(before), block(after)]).toContain(block(data))
  }
}

describe('a write that is cut off', () => {
  const before = pattern(4096, 71)
  const after = pattern(4096, 72)

  async function prepare() {
    const witness = await fixture.open()
    expect((await execute(witness, { cdb: write10(0, 8), writeData: before })).status).toBe(GOOD)
    return witness
  }

  it.each([1, 24, 47, 48, 49, 500, 1000, 4000, 4143])('at byte %i of its PDU with immediate data', async (cut) => {
    const witness = await prepare()
    const initiator = await fixture.open()
    const fields = commandFields({ cdb: write10(0, 8), writeData: after, immediateBytes: 4096 })
    const bytes = initiator.encode({ ...fields, itt: initiator.newTag() })
    await initiator.connection.write(bytes.subarray(0, cut))
    initiator.connection.endWriting()
    await initiator.connection.drainUntilClosed()
    const { data } = await execute(witness, { cdb: read10(0, 8), readBytes: 4096 })
    expect(data.equals(before)).toBe(true)
  })

  it.each([0, 47, 48, 600, 4000])('at byte %i of the data that was asked for', async (cut) => {
    const witness = await prepare()
    const initiator = await fixture.open()
    const { itt, r2t } = await holdWrite(initiator, after)
    const dataOut = { itt, ttt: r2t.ttt, dataSN: 0, bufferOffsetBytes: 0, data: after, isFinal: true }
    const bytes = initiator.encode(dataOutFields(dataOut))
    await initiator.connection.write(bytes.subarray(0, cut))
    initiator.connection.reset()
    await fixture.open({}, { isid: initiator.isid })
    const { data } = await execute(witness, { cdb: read10(0, 8), readBytes: 4096 })
    expectOldOrNew(data, before, after)
  })

  it('by a reset right behind all its data', async () => {
    const witness = await prepare()
    const initiator = await fixture.open()
    await sendCommand(initiator, { cdb: write10(0, 8), writeData: after, immediateBytes: 4096 })
    initiator.connection.reset()
    await fixture.open({}, { isid: initiator.isid })
    const { data } = await execute(witness, { cdb: read10(0, 8), readBytes: 4096 })
    expectOldOrNew(data, before, after)
  })
})

describe('a connection that is closed', () => {
  it('in the middle of a login', async () => {
    for (const cut of [1, 30, 48, 60]) {
      const initiator = await fixture.connect()
      const { InitiatorName } = initiator.names() as { InitiatorName: string }
      const data = Buffer.from(`InitiatorName=${InitiatorName}\0`)
      const bytes = initiator.encode({ opcode: 0x03, immediate: true, byte1: 0x87, itt: 1, data })
      await initiator.connection.write(bytes.subarray(0, cut))
      initiator.connection.endWriting()
      await initiator.connection.expectClosed()
    }
    await (await fixture.open()).ping()
  })

  it('while a large read is on its way', async () => {
    for (const readBytes of [65_536, 1_048_576, 4_194_304]) {
      const initiator = await fixture.open({ MaxRecvDataSegmentLength: '65536' })
      await sendCommand(initiator, { cdb: read10(0, readBytes / BLOCK_BYTES), readBytes })
      await initiator.read()
      initiator.connection.reset()
    }
    await (await fixture.open()).ping()
  })

  it('for writing only, after a session was in full feature phase', async () => {
    const initiator = await fixture.open()
    await holdWrite(initiator, pattern(512))
    initiator.connection.endWriting()
    await initiator.connection.drainUntilClosed()
    await (await fixture.open()).ping()
  })
})

describe('an initiator that stops reading', () => {
  it('costs the others nothing', async () => {
    const deaf = await fixture.open({ MaxRecvDataSegmentLength: '262144' })
    deaf.connection.pauseReading()
    for (let command = 0; command < 32; command++) {
      await sendCommand(deaf, { cdb: read10(0, 2048), readBytes: 1_048_576 })
    }
    const other = await fixture.open()
    for (let round = 0; round < 20; round++) {
      expect((await execute(other, { cdb: read10(0, 128), readBytes: 65_536 })).status).toBe(GOOD)
    }
    deaf.connection.resumeReading()
    await deaf.read()
    deaf.connection.reset()
  })
})

describe('data that nobody waits for', () => {
  it('does not reach the disk through a tag that is free again', async () => {
    const initiator = await fixture.open({ InitialR2T: 'No' })
    const before = (await execute(initiator, { cdb: read10(100, 2), readBytes: 1024 })).data
    const itt = await sendCommand(initiator, { cdb: write10(100, 2), writeData: pattern(1024), unsolicitedBytes: 1024 })
    expect(await initiator.manageTasks(1, { words: { 20: itt, 32: initiator.cmdSN - 1 } })).toBe(0)
    const data = pattern(1024, 73)
    await initiator.send(dataOutFields({ itt, ttt: NO_TAG, dataSN: 0, bufferOffsetBytes: 0, data, isFinal: true }))
    const observer = await fixture.open()
    const after = (await execute(observer, { cdb: read10(100, 2), readBytes: 1024 })).data
    expect(after.equals(before)).toBe(true)
  })
})
