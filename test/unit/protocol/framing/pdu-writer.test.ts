import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crc32c } from '../../../../protocol/framing/crc32c.ts'
import { DataInPool } from '../../../../protocol/framing/data-in-pool.ts'
import { HeaderCell } from '../../../../protocol/framing/header-cell.ts'
import { PduWriter } from '../../../../protocol/framing/pdu-writer.ts'
import { ObjectPool } from '../../../../protocol/object-pool.ts'

function harness(headerDigest: boolean, dataDigest: boolean) {
  const headers = new ObjectPool(HeaderCell, 16)
  const slots = new DataInPool(1024 * 1024)
  const sent: Buffer[] = []
  const unsent: (() => void)[] = []
  const writer = new PduWriter(headers, slots, (buffers, byteCount, done) => {
    expect(buffers.reduce((sum, buffer) => sum + buffer.length, 0)).toBe(byteCount)
    sent.push(Buffer.concat(buffers))
    unsent.push(done)
  })
  writer.headerDigest = headerDigest
  writer.dataDigest = dataDigest
  return { headers, slots, writer, sent, unsent }
}

function digest(bytes: Buffer): Buffer {
  const four = Buffer.alloc(4)
  four.writeUInt32LE(crc32c(bytes))
  return four
}

/** The bytes of a PDU, put together the plain way. */
function expectedPdu(fill: number, data: Buffer, headerDigest: boolean, dataDigest: boolean): Buffer {
  const header = Buffer.alloc(48, fill)
  header.writeUIntBE(data.length, 5, 3)
  const padded = Buffer.concat([data, Buffer.alloc(-data.length & 3)])
  const parts: Buffer[] = [header]
  if (headerDigest) parts.push(digest(header))
  parts.push(padded)
  if (dataDigest && data.length > 0) parts.push(digest(padded))
  return Buffer.concat(parts)
}

const data = fc.uint8Array({ minLength: 1, maxLength: 40 }).map((array) => Buffer.from(array))

describe('PDU writer', () => {
  it('[PDU-17] puts digests and padding where they belong, with the data apart or in a slot', () => {
    fc.assert(
      fc.property(data, fc.boolean(), fc.boolean(), (bytes, headerDigest, dataDigest) => {
        const { writer, slots, sent, unsent, headers } = harness(headerDigest, dataDigest)
        const expected = expectedPdu(0x5a, bytes, headerDigest, dataDigest)
        writer.takeHeader().fill(0x5a)
        writer.pushPdu(bytes)
        const slot = slots.take(bytes.length)
        slot.memory.fill(0xdd)
        bytes.copy(slot.data)
        writer.frameOf(slot).fill(0x5a, 0, 48)
        writer.pushFrame(slot)
        writer.flush()
        expect(sent[0]).toEqual(Buffer.concat([expected, expected]))
        for (const done of unsent) done()
        expect([headers.takenCount, slots.takenCount]).toEqual([0, 0])
      }),
    )
  })

  it('[PDU-8] gives a PDU without data no data digest', () => {
    const { writer, sent } = harness(true, true)
    writer.takeHeader()
    writer.pushPdu(null)
    writer.flush()
    expect(sent[0]).toEqual(expectedPdu(0, Buffer.alloc(0), true, true))
  })

  it('hands out zeroed headers again and again', () => {
    const { writer, sent, unsent } = harness(true, false)
    for (let round = 0; round < 3; round++) {
      const header = writer.takeHeader()
      expect(header.every((byte) => byte === 0)).toBe(true)
      header.fill(0xff)
      writer.pushPdu(null)
      writer.flush()
      unsent[round]!()
    }
    expect(sent).toHaveLength(3)
  })

  it('keeps memory until its batch has left, oldest batch first', () => {
    const { writer, unsent, headers } = harness(false, false)
    for (let batch = 0; batch < 2; batch++) {
      writer.takeHeader()
      writer.pushPdu(null)
      writer.flush()
    }
    expect(headers.takenCount).toBe(2)
    unsent[0]!()
    expect(headers.takenCount).toBe(1)
    unsent[1]!()
    expect(headers.takenCount).toBe(0)
  })

  it('gives everything back that was queued and never sent', () => {
    const { writer, slots, headers } = harness(false, false)
    writer.takeHeader()
    writer.pushPdu(Buffer.from('x'))
    writer.pushFrame(slots.take(512))
    writer.takeHeader()
    writer.discard()
    expect([headers.takenCount, slots.takenCount]).toEqual([0, 0])
    expect(writer.queuedBytes).toBe(0)
  })

  it('refuses a PDU without a header', () => {
    expect(() => harness(false, false).writer.pushPdu(null)).toThrow('header')
  })
})

describe('Data-In pool', () => {
  it('gives slots of exactly the length asked for, and takes them back by size', () => {
    const pool = new DataInPool(1024 * 1024)
    for (const byteCount of [1, 512, 4096, 4097, 65_536, 262_144]) {
      const slot = pool.take(byteCount)
      expect(slot.data).toHaveLength(byteCount)
      expect(slot.frame(52, 7)).toHaveLength(52 + byteCount + 7)
      expect(slot.frame(48, 0).subarray(48).equals(slot.data)).toBe(true)
      pool.release(slot)
      expect(pool.take(byteCount)).toBe(slot)
      pool.release(slot)
    }
  })

  it('keeps no more idle memory than it may', () => {
    const pool = new DataInPool(4096)
    const [one, two] = [pool.take(4096), pool.take(4096)]
    pool.release(one)
    pool.release(two)
    expect(pool.take(4096)).toBe(one)
    expect(pool.take(4096)).not.toBe(two)
  })

  it('gives each batch its own memory back, in whatever order the batches leave', () => {
    const headers = new ObjectPool(HeaderCell, 4)
    const leave: (() => void)[] = []
    const writer = new PduWriter(headers, new DataInPool(0), (_buffers, _byteCount, sent) => leave.push(sent))
    const [first, second] = [0, 1].map(() => {
      const header = writer.takeHeader()
      writer.pushPdu(null)
      writer.flush()
      return header
    })
    leave[1]!()
    expect(headers.take().header).toBe(second)
    leave[0]!()
    expect(headers.take().header).toBe(first)
  })
})
