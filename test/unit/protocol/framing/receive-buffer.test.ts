import { describe, expect, it } from 'vitest'
import { PduReader } from '../../../../protocol/framing/pdu-reader.ts'
import { type ReceiveBuffer, ReceiveBufferPool } from '../../../../protocol/framing/receive-buffer.ts'

describe('receive buffers', () => {
  it('are used again when nobody holds them, and only then', () => {
    const pool = new ReceiveBufferPool(1024)
    const first = pool.take(64)
    first.hold()
    expect(first.isShared).toBe(true)
    first.release()
    expect([first.isShared, pool.takenCount]).toEqual([false, 1])
    expect(pool.take(64)).not.toBe(first)
    first.release()
    expect(pool.take(64)).toBe(first)
  })

  it('stay apart by size, and are kept no longer than they may', () => {
    const pool = new ReceiveBufferPool(64)
    const [one, two] = [pool.take(64), pool.take(64)]
    one.release()
    two.release()
    expect(pool.take(32)).not.toBe(one)
    expect(pool.take(64)).toBe(one)
    expect(pool.take(64)).not.toBe(two)
  })

  it('refuse to be released more often than held', () => {
    const buffer = new ReceiveBufferPool(64).take(64)
    buffer.release()
    expect(() => buffer.release()).toThrow('more often')
  })
})

describe('the reader and the memory behind a PDU', () => {
  const header = (dataBytes: number) => {
    const bytes = Buffer.alloc(48, 0x11)
    bytes[4] = 0
    bytes.writeUIntBE(dataBytes, 5, 3)
    return bytes
  }

  /** Hands `bytes` over in buffers of `size`, each spoilt as soon as it is released. */
  function read(bytes: Buffer, size: number, keep: boolean): { seen: string[]; holds: ReceiveBuffer[] } {
    class SpoilingPool extends ReceiveBufferPool {
      override giveBack(buffer: ReceiveBuffer): void {
        buffer.memory.fill(0xdd)
        super.giveBack(buffer)
      }
    }
    const pool = new SpoilingPool(1024)
    const seen: string[] = []
    const holds: ReceiveBuffer[] = []
    const reader = new PduReader(
      {
        pduReceived(pdu) {
          if (keep) holds.push(...pdu.takeHolds())
          const data = Buffer.concat(pdu.data).toString('latin1')
          seen.push(`${pdu.header[pdu.at]} ${pdu.header.readUIntBE(pdu.at + 5, 3)} ${data}`)
        },
        streamBroken: () => {},
      },
      8192,
      64,
    )
    for (let at = 0; at < bytes.length; at += size) {
      const buffer = pool.take(size)
      const filled = bytes.copy(buffer.memory, 0, at)
      reader.push(buffer.memory.subarray(0, filled), buffer)
      buffer.release()
    }
    expect(pool.takenCount).toBe(new Set(holds).size)
    return { seen, holds }
  }

  const data = Buffer.from('data that goes on from one buffer to the next')
  const stream = Buffer.concat([header(data.length), data, Buffer.alloc(-data.length & 3), header(0)])

  it.each([48, 49, 60, 64, 100, 512])('keeps headers and data valid over buffers of %i bytes', (size) => {
    const expected = [`17 ${data.length} ${data.toString('latin1')}`, '17 0 ']
    expect(read(stream, size, false)).toEqual({ seen: expected, holds: [] })
  })

  it('gives its holds to whoever keeps the data', () => {
    const { holds } = read(stream, 60, true)
    expect(holds).toHaveLength(2)
    for (const hold of holds) hold.release()
  })

  it('lets go of a PDU that never becomes whole', () => {
    const pool = new ReceiveBufferPool(1024)
    const reader = new PduReader({ pduReceived: () => {}, streamBroken: () => {} }, 8192, 64)
    const buffer = pool.take(60)
    stream.copy(buffer.memory)
    reader.push(buffer.memory, buffer)
    buffer.release()
    expect(pool.takenCount).toBe(1)
    reader.stop()
    expect(pool.takenCount).toBe(0)
  })
})
