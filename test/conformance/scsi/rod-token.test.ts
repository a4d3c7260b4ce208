import { describe, expect, it } from 'vitest'
import { blockCdb, TestInitiator } from '../../support/scsi-initiator.ts'
import {
  copyBench,
  createToken,
  populateTokenList,
  receive,
  sendList,
  tokenIn,
  writeUsingTokenList,
  zeroToken,
} from '../../support/third-party-copy.ts'

const POPULATE_TOKEN = 0x10
const WRITE_USING_TOKEN = 0x11
const RECEIVE_ROD_TOKEN_INFORMATION = 0x07
const REPORT_ALL_ROD_TOKENS = 0x08
const BLOCK = Buffer.alloc(512, 'new')

describe('POPULATE TOKEN', () => {
  it('makes a token that states what it represents, without reading', () => {
    const { initiator, stores } = copyBench()
    const token = createToken(initiator, 0, [
      [10, 5],
      [100, 3],
    ])
    expect(token.readUInt32BE(0)).toBe(0x00800001)
    expect(token.readUInt16BE(6)).toBe(0x01f8)
    expect(token.subarray(16, 32).toString('hex')).toBe('e4000000010300083000000000000100')
    expect(Number(token.readBigUInt64BE(56))).toBe(8 * 512)
    expect(token.readUInt32BE(96)).toBe(512)
    // Its maker: Internet SCSI, PIV, the target device, a SCSI name string in UTF-8.
    expect(token.subarray(128, 132).toString('hex')).toBe(`53a800${token[131]!.toString(16)}`)
    const name = initiator.nexus.targetPortName.replace(/,t,0x.*/, '')
    expect(
      token
        .subarray(132, 132 + token[131]!)
        .toString('utf8')
        .replace(/\0+$/, ''),
    ).toBe(name)
    expect(stores[0]!.calls).toEqual([])
  })

  it('tells in RECEIVE ROD TOKEN INFORMATION how many blocks it represents, once', () => {
    const { initiator } = copyBench()
    expect(sendList(initiator, POPULATE_TOKEN, populateTokenList([[10, 5]]), { listIdentifier: 0x20001 }).status).toBe(
      0,
    )
    const data = receive(initiator, RECEIVE_ROD_TOKEN_INFORMATION, 0x20001).dataIn
    expect(data.readUInt32BE(0)).toBe(data.length - 4)
    expect([data[4], data[5], data[15], Number(data.readBigUInt64BE(16))]).toEqual([0x10, 0x01, 0xf1, 5])
    const again = receive(initiator, RECEIVE_ROD_TOKEN_INFORMATION, 0x20001)
    expect([again.senseText, again.pointedAt]).toEqual(['5/24/00', '2'])
  })

  it('waits for writes that began before it', () => {
    for (const isImmediate of [false, true]) {
      const { initiator, stores } = copyBench()
      stores[0]!.isManual = true
      const write = initiator.send(blockCdb(0x2a, 10, 1), { dataOut: BLOCK })
      const list = populateTokenList([[10, 1]], { isImmediate })
      const exchange = sendList(initiator, POPULATE_TOKEN, list, { listIdentifier: 1 })
      expect(exchange.end).toBe(isImmediate ? 'completed' : 'none')
      expect(receive(initiator, RECEIVE_ROD_TOKEN_INFORMATION, 1).dataIn[5]).toBe(isImmediate ? 0x12 : 0x11)
      stores[0]!.release()
      stores[0]!.isManual = false
      expect([write.status, exchange.status]).toEqual([0, 0])
      const token = tokenIn(receive(initiator, RECEIVE_ROD_TOKEN_INFORMATION, 1).dataIn)
      expect(sendList(initiator, WRITE_USING_TOKEN, writeUsingTokenList(token, [[0, 1]]), { lun: 1 }).status).toBe(0)
      expect(stores[1]!.bytes.subarray(0, 512).equals(BLOCK)).toBe(true)
    }
  })

  it('refuses ranges that overlap, lie or lie beyond the end, and too many of them', () => {
    const { initiator } = copyBench()
    const senseOf = (ranges: [number, number][]) =>
      sendList(initiator, POPULATE_TOKEN, populateTokenList(ranges)).senseText
    expect(senseOf([])).toBe('5/26/00')
    expect(
      senseOf([
        [0, 5],
        [4, 1],
      ]),
    ).toBe('5/26/00')
    expect(senseOf([[4096, 1]])).toBe('5/21/00')
    expect(senseOf([[4095, 2]])).toBe('5/21/00')
    expect(senseOf(Array.from({ length: 65 }, (_, i) => [i, 1]))).toBe('5/26/08')
    expect(senseOf(Array.from({ length: 64 }, (_, i) => [i, 1]))).toBeNull()
  })

  it('refuses a list that is cut, a ROD type that it does not make, and too long an inactivity timeout', () => {
    const { initiator } = copyBench()
    const list = populateTokenList([[0, 1]])
    for (const byteCount of [15, 31]) {
      expect(sendList(initiator, POPULATE_TOKEN, list.subarray(0, byteCount)).senseText).toBe('5/1a/00')
    }
    for (const rodType of [0x00800001, 0x0080ffff]) {
      expect(sendList(initiator, POPULATE_TOKEN, populateTokenList([[0, 1]], { rodType })).status).toBe(0)
    }
    for (const [options, pointedAt] of [
      [{ rodType: 0x00010000 }, 8],
      [{ rodType: 0x00800002 }, 8],
      [{ inactivityTimeoutSeconds: 601 }, 4],
    ] as const) {
      const exchange = sendList(initiator, POPULATE_TOKEN, populateTokenList([[0, 1]], options))
      expect([exchange.senseText, exchange.command.sense!.readUInt16BE(16)]).toEqual(['5/26/00', pointedAt])
    }
  })

  it('makes no more tokens of a logical unit than it can watch', () => {
    const { initiator, clock } = copyBench()
    for (let i = 0; i < 256; i++) createToken(initiator, 0, [[i, 1]])
    const list = populateTokenList([[0, 1]])
    expect(sendList(initiator, POPULATE_TOKEN, list, { listIdentifier: 1 }).senseText).toBe('5/55/0d')
    clock.nowMs = 60_001
    expect(sendList(initiator, POPULATE_TOKEN, list, { listIdentifier: 1 }).status).toBe(0)
  })

  it('leaves nothing behind when it is aborted', () => {
    const { initiator, target, stores, logicalUnits } = copyBench()
    stores[0]!.isManual = true
    initiator.send(blockCdb(0x2a, 10, 1), { dataOut: BLOCK })
    const exchange = sendList(initiator, POPULATE_TOKEN, populateTokenList([[0, 1]]), { listIdentifier: 1 })
    target.abortTask(exchange.command, () => {})
    expect(exchange.end).toBe('aborted')
    stores[0]!.release()
    expect(logicalUnits[0]!.copies.watch.size).toBe(0)
    expect(logicalUnits[0]!.store).toBe(stores[0])
  })
})

function unmap(): Buffer {
  return Buffer.from([0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0])
}

function unmapList(lba: number, blocks: number): Buffer {
  const list = Buffer.alloc(24)
  list.writeUInt16BE(22, 0)
  list.writeUInt16BE(16, 2)
  list.writeBigUInt64BE(BigInt(lba), 8)
  list.writeUInt32BE(blocks, 16)
  return list
}

describe('WRITE USING TOKEN', () => {
  it('writes what the token represents, laid end to end, from OFFSET INTO ROD on', () => {
    const { initiator, stores } = copyBench()
    const token = createToken(initiator, 0, [
      [10, 5],
      [100, 3],
    ])
    const source = stores[0]!.bytes
    const rod = Buffer.concat([source.subarray(10 * 512, 15 * 512), source.subarray(100 * 512, 103 * 512)])
    const expected = Buffer.from(stores[1]!.bytes)
    rod.copy(expected, 50 * 512, 2 * 512, 4 * 512)
    rod.copy(expected, 7 * 512, 4 * 512, 8 * 512)
    const list = writeUsingTokenList(
      token,
      [
        [50, 2],
        [7, 4],
      ],
      { offsetBlocks: 2 },
    )
    expect(sendList(initiator, WRITE_USING_TOKEN, list, { lun: 1, listIdentifier: 8 }).status).toBe(0)
    expect(stores[1]!.bytes.equals(expected)).toBe(true)
    const data = receive(initiator, RECEIVE_ROD_TOKEN_INFORMATION, 8, { lun: 1 }).dataIn
    expect([data[4], data[5], Number(data.readBigUInt64BE(16)), data.readUInt32BE(32)]).toEqual([0x11, 0x01, 6, 0])
  })

  it('writes a token of another nexus, and from 512-byte blocks to 4096-byte blocks', () => {
    const { initiator, target, stores } = copyBench([{}, { blockLengthBytes: 4096, blockCount: 16 }])
    const other = new TestInitiator(target, 'b').clearUnitAttentions(0, 1)
    const token = createToken(initiator, 0, [[3, 16]])
    expect(sendList(other, WRITE_USING_TOKEN, writeUsingTokenList(token, [[4, 2]]), { lun: 1 }).status).toBe(0)
    expect(stores[1]!.bytes.subarray(16384, 24576)).toEqual(stores[0]!.bytes.subarray(1536, 9728))
  })

  it('refuses a token once a block of it has changed, and writes nothing', () => {
    const changes: readonly ((initiator: TestInitiator) => unknown)[] = [
      (initiator) => initiator.send(blockCdb(0x2a, 14, 1), { dataOut: BLOCK }),
      (initiator) => initiator.send(blockCdb(0x93, 14, 1, 0x01)),
      (initiator) => initiator.send(blockCdb(0x9c, 14, 1), { dataOut: BLOCK }),
      (initiator) => initiator.send(blockCdb(0x9c, 13, 2), { dataOut: Buffer.concat([BLOCK, BLOCK]) }),
      (initiator) => initiator.send(unmap(), { dataOut: unmapList(14, 1) }),
      (initiator) => initiator.send(blockCdb(0x8a, 9, 2), { dataOut: Buffer.alloc(1024) }),
      (initiator) => sendList(initiator, WRITE_USING_TOKEN, writeUsingTokenList(zeroToken(), [[12, 1]])),
    ]
    for (const change of changes) {
      const { initiator, stores, logicalUnits } = copyBench()
      const token = createToken(initiator, 0, [[10, 5]])
      initiator.send(blockCdb(0x2a, 9, 1), { dataOut: BLOCK })
      initiator.send(blockCdb(0x2a, 15, 1), { dataOut: BLOCK })
      const list = writeUsingTokenList(token, [[0, 5]])
      expect(sendList(initiator, WRITE_USING_TOKEN, list, { lun: 1 }).status).toBe(0)
      change(initiator)
      stores[1]!.calls.length = 0
      expect(sendList(initiator, WRITE_USING_TOKEN, list, { lun: 1 }).senseText).toBe('5/23/06')
      expect(stores[1]!.calls).toEqual([])
      expect(logicalUnits[0]!.store).toBe(stores[0])
    }
  })

  it('delivers nothing that was read after a change', () => {
    const { initiator, stores } = copyBench()
    const token = createToken(initiator, 0, [[10, 5]])
    stores[0]!.isManual = true
    const list = writeUsingTokenList(token, [[0, 5]])
    const exchange = sendList(initiator, WRITE_USING_TOKEN, list, { lun: 1, listIdentifier: 1 })
    initiator.send(blockCdb(0x2a, 12, 1), { dataOut: BLOCK })
    stores[0]!.release()
    expect(exchange.senseText).toBe('5/23/06')
    expect(stores[1]!.calls).toEqual([])
    const data = receive(initiator, RECEIVE_ROD_TOKEN_INFORMATION, 1, { lun: 1 }).dataIn
    expect([data[5], Number(data.readBigUInt64BE(16)), data[14]]).toEqual([0x02, 0, 18])
  })

  it('refuses to write over the blocks of its own token', () => {
    const { initiator, stores } = copyBench()
    const token = createToken(initiator, 0, [[10, 5]])
    expect(sendList(initiator, WRITE_USING_TOKEN, writeUsingTokenList(token, [[14, 5]])).senseText).toBe('5/23/00')
    expect(sendList(initiator, WRITE_USING_TOKEN, writeUsingTokenList(token, [[15, 5]])).status).toBe(0)
    expect(stores[0]!.bytes.subarray(15 * 512, 20 * 512)).toEqual(stores[0]!.bytes.subarray(10 * 512, 15 * 512))
  })

  it('ends a token after its time without use, and at once with DEL_TKN', () => {
    const { initiator, clock } = copyBench()
    const token = createToken(initiator, 0, [[10, 5]], { inactivityTimeoutSeconds: 20 })
    const use = (options = {}) =>
      sendList(initiator, WRITE_USING_TOKEN, writeUsingTokenList(token, [[0, 5]], options), { lun: 1 }).senseText
    clock.nowMs = 20_000
    expect(use()).toBeNull()
    clock.nowMs = 40_000
    expect(use({ deletesToken: true })).toBeNull()
    expect(use()).toBe('5/23/09')
    const second = createToken(initiator, 0, [[10, 5]])
    clock.nowMs += 60_001
    const list = writeUsingTokenList(second, [[0, 5]])
    expect(sendList(initiator, WRITE_USING_TOKEN, list, { lun: 1 }).senseText).toBe('5/23/07')
  })

  it('refuses tokens that nobody made', () => {
    const { initiator, target } = copyBench()
    const token = createToken(initiator, 0, [[10, 5]])
    const senseOf = (bytes: Buffer) =>
      sendList(initiator, WRITE_USING_TOKEN, writeUsingTokenList(bytes, [[0, 5]]), { lun: 1 }).senseText
    const changed = (at: number) => {
      const bytes = Buffer.from(token)
      bytes[at]! ^= 1
      return bytes
    }
    expect([changed(0), changed(7), changed(15), changed(130), changed(60)].map(senseOf)).toEqual([
      '5/23/01',
      '5/23/0a',
      '5/23/04',
      '5/23/05',
      '5/23/05',
    ])
    expect(createToken(initiator, 0, [[10, 5]]).equals(token)).toBe(false)
    target.logicalUnitReset(initiator.nexus, Buffer.alloc(8), () => {})
    initiator.clearUnitAttentions(0, 1)
    expect(senseOf(token)).toBe('5/23/06')
  })

  it('writes zeroes for the block device zero ROD token', () => {
    const { initiator, stores } = copyBench()
    const list = writeUsingTokenList(zeroToken(), [
      [10, 5],
      [20, 1],
    ])
    expect(sendList(initiator, WRITE_USING_TOKEN, list).status).toBe(0)
    expect(
      stores[0]!.calls.map(({ operation, offsetBytes, byteCount, mayUnmap }) => [
        operation,
        offsetBytes,
        byteCount,
        mayUnmap,
      ]),
    ).toEqual([
      ['writeZeroes', 5120, 2560, true],
      ['writeZeroes', 10240, 512, true],
    ])
  })

  it('refuses more than the token has, a write protected disk, and a list that is cut', () => {
    const { initiator, stores } = copyBench([{}, { isReadOnly: true }])
    const token = createToken(initiator, 0, [[10, 5]])
    const beyond = sendList(initiator, WRITE_USING_TOKEN, writeUsingTokenList(token, [[100, 6]]))
    expect([beyond.senseText, beyond.command.sense!.readUInt16BE(16)]).toEqual(['5/26/00', 8])
    expect(
      sendList(initiator, WRITE_USING_TOKEN, writeUsingTokenList(token, [[100, 1]], { offsetBlocks: 5 })).senseText,
    ).toBe('5/26/00')
    const list = writeUsingTokenList(token, [[100, 5]])
    expect(sendList(initiator, WRITE_USING_TOKEN, list, { lun: 1 }).senseText).toBe('7/27/00')
    for (const byteCount of [535, 551]) {
      expect(sendList(initiator, WRITE_USING_TOKEN, list.subarray(0, byteCount)).senseText).toBe('5/1a/00')
    }
    expect(stores.flatMap(({ calls }) => calls)).toEqual([])
  })

  it('copies in the background with IMMED', () => {
    const { initiator, stores } = copyBench()
    const token = createToken(initiator, 0, [[10, 5]])
    stores[1]!.isManual = true
    const list = writeUsingTokenList(token, [[0, 5]], { isImmediate: true })
    expect(sendList(initiator, WRITE_USING_TOKEN, list, { lun: 1, listIdentifier: 2 }).status).toBe(0)
    const running = receive(initiator, RECEIVE_ROD_TOKEN_INFORMATION, 2, { lun: 1 }).dataIn
    expect([running[5], running.readUInt32BE(8)]).toEqual([0x12, 100])
    stores[1]!.release()
    expect(receive(initiator, RECEIVE_ROD_TOKEN_INFORMATION, 2, { lun: 1 }).dataIn[5]).toBe(0x01)
  })
})

describe('REPORT ALL ROD TOKENS', () => {
  it('lists the live tokens of its logical unit without what makes them valid', () => {
    const { initiator } = copyBench()
    const token = createToken(initiator, 0, [[10, 5]])
    createToken(initiator, 1, [[10, 5]])
    const data = receive(initiator, REPORT_ALL_ROD_TOKENS).dataIn
    expect(data.readUInt32BE(0)).toBe(4 + 96)
    expect(data.subarray(8)).toEqual(token.subarray(0, 96))
    initiator.send(blockCdb(0x2a, 10, 1), { dataOut: BLOCK })
    expect(receive(initiator, REPORT_ALL_ROD_TOKENS).dataIn.toString('hex')).toBe('0000000400000000')
  })
})
