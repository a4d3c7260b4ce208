import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ATTRIBUTE, attribute, emptyAttribute, integerOf, textOf } from '../../../../protocol/isns/attributes.ts'
import { encodeMessage, type IsnsMessage } from '../../../../protocol/isns/message.ts'
import { MessageReader } from '../../../../protocol/isns/message-reader.ts'
import { parseWireMessages, serverHeader } from '../../../support/isns-wire.ts'

const BOUNDS = { messageBytesMax: 1024 * 1024, attributesMax: 10_000 }

const attributes = fc.array(
  fc.record({
    tag: fc.nat(2 ** 32 - 1),
    value: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes.subarray(0, bytes.length & ~3))),
  }),
  { maxLength: 20 },
)

const message: fc.Arbitrary<IsnsMessage> = fc
  .record({
    functionId: fc.nat(0xffff),
    transactionId: fc.nat(0xffff),
    isReplace: fc.boolean(),
    status: fc.nat(),
    attributes,
  })
  .map((fields) => ({ ...fields, status: fields.functionId >= 0x8000 ? fields.status : null }))

/** Bytes in pieces of the given sizes, the sizes again and again. */
function pieces(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const result: Buffer[] = []
  for (let at = 0, index = 0; at < bytes.length; index++) {
    const size = sizes[index % sizes.length]!
    result.push(bytes.subarray(at, at + size))
    at += size
  }
  return result
}

function read(chunks: readonly Buffer[], bounds = BOUNDS) {
  const reader = new MessageReader(bounds)
  const messages: IsnsMessage[] = []
  for (const chunk of chunks) {
    const result = reader.receive(chunk)
    if ('problem' in result) return result
    messages.push(...result)
  }
  return messages
}

const pdu = (fields: {
  payload?: Buffer
  flags: number
  sequenceId: number
  transactionId?: number
  functionId?: number
}) => {
  const { payload = Buffer.alloc(8), flags, sequenceId, transactionId = 1, functionId = 2 } = fields
  return Buffer.concat([
    serverHeader({ functionId, transactionId, lengthBytes: payload.length, flags, sequenceId }),
    payload,
  ])
}
/** Bytes of buffers that somebody still holds. */
function heldBytes(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage().arrayBuffers
}

const FIRST = 0x0400
const LAST = 0x0800

describe('iSNS messages', () => {
  it('are the same however their bytes are cut', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(fc.array(message, { maxLength: 5 }), sizes, (messages, cut) => {
        const bytes = Buffer.concat(messages.map(encodeMessage))
        expect(read(pieces(bytes, cut))).toEqual(messages)
      }),
    )
  })

  it('are what another parser reads', () => {
    fc.assert(
      fc.property(message, (sent) => {
        const { messages, byteCount } = parseWireMessages(encodeMessage(sent))
        const { functionId, transactionId, status } = sent
        expect(messages).toMatchObject([{ functionId, transactionId, status, attributes: sent.attributes }])
        expect(messages[0]!.flags & 0x1000).toBe(sent.isReplace ? 0x1000 : 0)
        expect(byteCount).toBe(encodeMessage(sent).length)
      }),
    )
  })

  it('that need several PDUs are put together again, also when two messages alternate', () => {
    const long = Array.from({ length: 300 }, () => attribute(ATTRIBUTE.iscsiAlias, 'x'.repeat(255)))
    const sent = { functionId: 1, transactionId: 7, isReplace: false, status: null, attributes: long }
    expect(encodeMessage(sent).length).toBeGreaterThan(0x10000)
    expect(read([encodeMessage(sent)])).toEqual([sent])
    const halves = [1, 2].map((transactionId) => [
      pdu({ flags: FIRST, sequenceId: 0, transactionId }),
      pdu({ flags: LAST, sequenceId: 1, transactionId }),
    ])
    expect(read([halves[0]![0]!, halves[1]![0]!, halves[1]![1]!, halves[0]![1]!])).toMatchObject([
      { transactionId: 2, attributes: [{ tag: 0 }, { tag: 0 }] },
      { transactionId: 1, attributes: [{ tag: 0 }, { tag: 0 }] },
    ])
  })

  it('never make the reader throw, whatever the bytes are', () => {
    const header = message.map(encodeMessage)
    fc.assert(
      fc.property(fc.array(fc.oneof(header, fc.uint8Array()), { maxLength: 5 }), (chunks) => {
        expect(() => read(chunks.map((chunk) => Buffer.from(chunk)))).not.toThrow()
      }),
    )
  })

  it.each([
    [
      'a sequence ID that is not due',
      [pdu({ flags: FIRST, sequenceId: 0 }), pdu({ flags: LAST, sequenceId: 2 })],
      /SEQUENCE ID 2 where 1/,
    ],
    ['a message that begins in its middle', [pdu({ flags: LAST, sequenceId: 1 })], /SEQUENCE ID 1 where 0/],
    ['an authentication block', [pdu({ flags: FIRST | LAST | 0x2000, sequenceId: 0 })], /authentication block/],
    [
      'an attribute with an odd length',
      [pdu({ flags: FIRST | LAST, sequenceId: 0, payload: Buffer.from('000000010000000200000000', 'hex') })],
      /2 bytes, no multiple of 4/,
    ],
    ['half an attribute', [pdu({ flags: FIRST | LAST, sequenceId: 0, payload: Buffer.alloc(4) })], /cut off/],
  ])('with %s are a problem', (_what, chunks, problem) => {
    expect(read(chunks)).toEqual({ problem: expect.stringMatching(problem) })
  })

  it('are bounded in bytes, those of empty PDUs and of unfinished messages included', () => {
    const bounds = { ...BOUNDS, messageBytesMax: 4_000 }
    const problem = { problem: 'more than 4000 bytes in messages' }
    const endless = Array.from({ length: 400 }, (_, sequenceId) =>
      pdu({ flags: sequenceId === 0 ? FIRST : 0, sequenceId, payload: Buffer.alloc(0) }),
    )
    expect(read(endless, bounds)).toEqual(problem)
    const many = Array.from({ length: 400 }, (_, transactionId) => pdu({ flags: FIRST, sequenceId: 0, transactionId }))
    expect(read(many, bounds)).toEqual(problem)
    const finished = many.map((_, transactionId) => pdu({ flags: FIRST | LAST, sequenceId: 0, transactionId }))
    expect(read(finished, bounds)).toHaveLength(400)
  })

  it('that are unfinished hold no more memory than the bound, whatever they came with', () => {
    const bounds = { ...BOUNDS, messageBytesMax: 256 * 1024 }
    const whole = pdu({ flags: FIRST | LAST, sequenceId: 0, payload: Buffer.alloc(8 * 8_000) })
    const reader = new MessageReader(bounds)
    const before = heldBytes()
    const seen: object[] = []
    let isOver = false
    for (let transactionId = 2; !isOver && transactionId < 2_000; transactionId++) {
      // The beginning of a message arrives in one chunk with the end of a long one, which is done with.
      const beginning = pdu({ flags: FIRST, sequenceId: 0, transactionId, payload: Buffer.alloc(0) })
      const result = reader.receive(Buffer.concat([whole, beginning]))
      isOver = 'problem' in result
      if (isOver) seen.push(result)
    }
    expect(heldBytes() - before).toBeLessThan(1024 * 1024)
    expect(seen).toEqual([{ problem: `more than ${bounds.messageBytesMax} bytes in messages` }])
  })

  it('are bounded in attributes', () => {
    const payload = Buffer.alloc(8 * 11)
    expect(read([pdu({ flags: FIRST | LAST, sequenceId: 0, payload })], { ...BOUNDS, attributesMax: 10 })).toEqual({
      problem: 'DevAttrQry: a message has more than 10 attributes',
    })
  })
})

describe('attributes', () => {
  it.each([
    [attribute(ATTRIBUTE.iscsiName, 'abc'), '61626300'],
    [attribute(ATTRIBUTE.iscsiName, 'abcd'), '6162636400000000'],
    [attribute(ATTRIBUTE.iscsiAlias, 'ü'), 'c3bc0000'],
    [attribute(ATTRIBUTE.registrationPeriod, 0xffffffff), 'ffffffff'],
    [attribute(ATTRIBUTE.portalIpAddress, '::1'), '00000000000000000000000000000001'],
    [emptyAttribute(ATTRIBUTE.iscsiName), ''],
  ])('are written as the RFC says', ({ value }, bytes) => {
    expect(value.toString('hex')).toBe(bytes)
  })

  it('hold names of 223 bytes and not more', () => {
    expect(attribute(ATTRIBUTE.iscsiName, 'x'.repeat(223)).value).toHaveLength(224)
    expect(() => attribute(ATTRIBUTE.iscsiName, 'x'.repeat(224))).toThrow(/224 bytes is too long: 223 fit/)
    expect(() => attribute(ATTRIBUTE.portalIpAddress, 'localhost')).toThrow(/localhost is not an IP address/)
  })

  it('that are malformed have no value', () => {
    const of = (hex: string) => ({ tag: 32, value: Buffer.from(hex, 'hex') })
    expect([textOf(of('61626300')), textOf(of('61006200')), textOf(of(''))]).toEqual(['abc', 'a', null])
    expect([textOf(of('61626364')), textOf(of('ff000000'))]).toEqual([null, null])
    expect([integerOf(of('0000000a')), integerOf(of('')), integerOf(of('0000000000000001'))]).toEqual([10, null, null])
  })
})
