/** Bytes that no initiator sends: the server stays up, closes what it cannot follow, and serves everybody else. */

import { describe, expect, it } from 'vitest'
import { WireConnection } from '../../support/wire-connection.ts'
import { useTarget } from '../../support/wire-fixture.ts'
import type { WireInitiator } from '../../support/wire-initiator.ts'
import { BHS_BYTES, OPCODE, requestBytes } from '../../support/wire-pdu.ts'
import { execute, GOOD, pattern, read10, write10 } from '../../support/wire-scsi.ts'
import { encodeText } from '../../support/wire-text.ts'

const fixture = useTarget()
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8]
const NO_DIGESTS = { header: false, data: false }

/** A session beside the abuse, with data on the disk that must survive it. */
async function openWitness(): Promise<() => Promise<void>> {
  const witness = await fixture.open()
  const writeData = pattern(4096, 99)
  expect((await execute(witness, { cdb: write10(8000, 8), writeData })).status).toBe(GOOD)
  return async () => {
    const { data } = await execute(witness, { cdb: read10(8000, 8), readBytes: 4096 })
    expect(data.equals(writeData)).toBe(true)
  }
}

/** Send and wait until the target has closed, or has had time to read it all, then go away. */
async function abuse(connection: WireConnection, bytes: Buffer): Promise<void> {
  await connection.write(bytes)
  connection.endWriting()
  await connection.drainUntilClosed()
  connection.destroy()
}

describe('random bytes', () => {
  it.each(SEEDS)('instead of a login, seed %i', async (seed) => {
    const verify = await openWitness()
    const { host, port } = fixture.target
    await abuse(await WireConnection.open(host, port), pattern(100_000, seed))
    await verify()
  })

  it.each(SEEDS)('as the text of a login, seed %i', async (seed) => {
    const verify = await openWitness()
    const initiator = await fixture.connect()
    const noise = pattern(500 + seed * 37, seed)
    const text = Buffer.concat([encodeText(initiator.names()), noise, Buffer.alloc(1)])
    await initiator.sendLogin({ text })
    initiator.connection.endWriting()
    await initiator.connection.drainUntilClosed()
    await verify()
  })

  it.each(SEEDS)('in full feature phase, seed %i', async (seed) => {
    const verify = await openWitness()
    const initiator = await fixture.open()
    await abuse(initiator.connection, pattern(200_000, seed))
    await verify()
  })

  it.each(SEEDS)('as headers of every opcode, seed %i', async (seed) => {
    const verify = await openWitness()
    const initiator = await fixture.open()
    await abuse(
      initiator.connection,
      Buffer.concat(Array.from({ length: 200 }, (_, n) => noisyPdu(initiator, seed, n))),
    )
    await verify()
  })
})

/** A PDU of an opcode of initiators whose lengths are true and whose other fields are noise. */
function noisyPdu(initiator: WireInitiator, seed: number, index: number): Buffer {
  const opcodes = [0x00, 0x02, 0x04, 0x05, 0x06, 0x10, 0x01]
  const noise = pattern(BHS_BYTES, seed * 1000 + index)
  const isRead = (opcode: number) => opcode === OPCODE.SCSI_COMMAND
  const opcode = opcodes[noise[0]! % opcodes.length]!
  return requestBytes(
    {
      opcode,
      immediate: noise[1]! > 128,
      data: pattern(noise[2]!, index),
      alterHeader: (bhs) => {
        noise.copy(bhs, 8, 8)
        bhs[1] = noise[3]!
        if (noise[4]! > 64) bhs.writeUInt32BE(initiator.cmdSN + (noise[5]! % 4), 24)
        // Reading commands only: noise must not write to the disk that the witness looks at.
        if (isRead(opcode)) bhs[32] = 0x28
      },
    },
    NO_DIGESTS,
  )
}

describe('headers that lie', () => {
  it.each([
    ['16 MiB of data to come in a login', OPCODE.LOGIN_REQUEST, 0xffffff],
    ['16 MiB of data to come in a ping', OPCODE.NOP_OUT, 0xffffff],
  ])('%s', async (_case, opcode, dataSegmentLength) => {
    const verify = await openWitness()
    const initiator = opcode === OPCODE.LOGIN_REQUEST ? await fixture.connect() : await fixture.open()
    const heapBefore = process.memoryUsage().arrayBuffers
    const byte1 = opcode === OPCODE.LOGIN_REQUEST ? 0x87 : 0x80
    await initiator.send({ opcode, immediate: true, byte1, alterHeader: (b) => b.writeUIntBE(dataSegmentLength, 5, 3) })
    await initiator.connection.drainUntilClosed()
    expect(process.memoryUsage().arrayBuffers - heapBefore).toBeLessThan(8 * 1024 * 1024)
    await verify()
  })

  it('additional header segments of 1020 bytes that never end', async () => {
    const verify = await openWitness()
    const initiator = await fixture.open()
    const ahs = Buffer.alloc(1020)
    const bytes = initiator.encode({ opcode: OPCODE.SCSI_COMMAND, byte1: 0x81, itt: 5, ahs })
    await abuse(initiator.connection, bytes)
    await verify()
  })

  it('an expected length of 4 GiB for a write', async () => {
    const verify = await openWitness()
    const initiator = await fixture.open()
    const { status, isUnderflow } = await execute(initiator, {
      cdb: write10(0, 1),
      writeData: pattern(512),
      expectedDataTransferLength: 0xffffffff,
    })
    expect([status, isUnderflow]).toEqual([GOOD, true])
    await verify()
  })
})
