/** Text format and negotiation, RFC 7143 6.1, 6.2, 6.4, 11.10 and 11.11. */

import { describe, expect, it } from 'vitest'
import { useTarget } from '../../support/wire-fixture.ts'
import type { WireInitiator } from '../../support/wire-initiator.ts'
import { FINAL, NO_TAG, OPCODE, type TargetPdu } from '../../support/wire-pdu.ts'
import { answerKind } from '../../support/wire-refusal.ts'
import { execute, GOOD, read10, testUnitReady } from '../../support/wire-scsi.ts'
import { decodeText, encodeText, type TextKeys, type TextPair } from '../../support/wire-text.ts'

const fixture = useTarget()

/** The keys that a login in one request is answered with. */
async function answersTo(keys: TextKeys): Promise<Record<string, string>> {
  const initiator = await fixture.connect()
  const { keys: answers } = await initiator.login(keys)
  return answers
}

/** The status of a login with these keys, and its text. */
async function loginWith(pairs: TextKeys | readonly TextPair[]): Promise<{ status: number; keys: TextKeys }> {
  const initiator = await fixture.connect()
  const text = Buffer.concat([encodeText(initiator.names()), encodeText(pairs)])
  const response = await initiator.stepLogin({ text })
  return { status: response.header.readUInt16BE(36), keys: decodeText(response.data) }
}

/** One Text Request that ends its negotiation. */
async function exchangeText(initiator: WireInitiator, keys: TextKeys): Promise<TargetPdu> {
  return await initiator.expect(OPCODE.TEXT_RESPONSE, await initiator.sendText(keys))
}

/** A Text Request that leaves its negotiation open: gives the tags to go on with. */
async function openNegotiation(initiator: WireInitiator, keys: TextKeys): Promise<{ itt: number; ttt: number }> {
  const itt = await initiator.sendText(keys, { byte1: 0 })
  const response = await initiator.expect(OPCODE.TEXT_RESPONSE, itt)
  expect(response.isFinal).toBe(false)
  expect(response.ttt).not.toBe(NO_TAG)
  return { itt, ttt: response.ttt }
}

const UNKNOWN = 'X-com.example.unknown'
/** The C bit of a Text Request, byte 1. */
const CONTINUED = 0x40

describe('format', () => {
  it('[TEXT-1] joins pairs that are cut at any byte', async () => {
    const initiator = await fixture.connect()
    const text = encodeText({ ...initiator.names(), MaxBurstLength: '65536' })
    for (let cut = 1; cut < text.length; cut++) {
      const split = await fixture.connect()
      const begin = { text: text.subarray(0, cut), isTransit: false, isContinued: true }
      expect((await split.stepLogin(begin)).data.length).toBe(0)
      const response = await split.stepLogin({ text: text.subarray(cut) })
      expect(response.byte(36)).toBe(0)
      expect(decodeText(response.data).MaxBurstLength).toBe('65536')
      split.destroy()
    }
  })

  it('[TEXT-2] tells upper from lower case in values', async () => {
    const { status, keys } = await loginWith({ InitialR2T: 'yes' })
    if (status === 0) expect(keys.InitialR2T).toBe('Reject')
    else expect(status).toBe(0x0200)
  })

  it('[TEXT-2] tells upper from lower case in keys', async () => {
    const answers = await answersTo({ Headerdigest: 'None' })
    expect(answers.Headerdigest).toBe('NotUnderstood')
    expect(answers).not.toHaveProperty('HeaderDigest')
  })

  it('[TEXT-3] takes everything behind the first equals sign as the value', async () => {
    expect(await answersTo({ 'X-com.example.a': 'b=c', MaxBurstLength: '65536' })).toMatchObject({
      'X-com.example.a': 'NotUnderstood',
      MaxBurstLength: '65536',
    })
  })

  it.each(['0x20000', '0X20000', '131072'])('[TEXT-4] reads the number %s', async (value) => {
    expect(Number((await answersTo({ MaxBurstLength: value })).MaxBurstLength)).toBe(131_072)
  })

  it('[TEXT-6] survives a value of more than 255 bytes', async () => {
    const { status } = await loginWith({ InitiatorAlias: 'a'.repeat(300) })
    expect(status).toBeOneOf([0, 0x0200])
    await (await fixture.open()).ping()
  })

  it('[TEXT-3] survives values that are not UTF-8', async () => {
    const initiator = await fixture.connect()
    const text = Buffer.concat([
      encodeText(initiator.names()),
      Buffer.from(`${UNKNOWN}=`),
      Buffer.from('fffe00', 'hex'),
    ])
    expect((await initiator.stepLogin({ text })).header.readUInt16BE(36)).toBeOneOf([0, 0x0200])
    await (await fixture.open()).ping()
  })
})

describe('answers', () => {
  it.each([UNKNOWN, 'Foo'])(
    '[TEXT-7] [KEY-32] does not understand %s, in login and in full feature phase',
    async (key) => {
      expect((await answersTo({ [key]: '1' }))[key]).toBe('NotUnderstood')
      const initiator = await fixture.open()
      expect(decodeText((await exchangeText(initiator, { [key]: '1' })).data)).toEqual({ [key]: 'NotUnderstood' })
    },
  )

  it('[TEXT-8] understands every key that the RFC defines', async () => {
    const answers = await answersTo({
      HeaderDigest: 'None',
      DataDigest: 'None',
      MaxConnections: '1',
      InitiatorAlias: 'alias',
      InitialR2T: 'Yes',
      ImmediateData: 'Yes',
      MaxRecvDataSegmentLength: '8192',
      MaxBurstLength: '262144',
      FirstBurstLength: '65536',
      DefaultTime2Wait: '2',
      DefaultTime2Retain: '20',
      MaxOutstandingR2T: '1',
      DataPDUInOrder: 'Yes',
      DataSequenceInOrder: 'Yes',
      ErrorRecoveryLevel: '0',
      IFMarker: 'No',
      OFMarker: 'No',
      IFMarkInt: '1~65535',
      OFMarkInt: '1~65535',
      TaskReporting: 'RFC3720',
      iSCSIProtocolLevel: '1',
      'X#NodeArchitecture': 'test',
    })
    expect(Object.entries(answers).filter(([, value]) => value === 'NotUnderstood')).toEqual([])
  })

  it.each(['Irrelevant', 'Reject', 'NotUnderstood'])('[TEXT-9] takes no proposal of %s', async (value) => {
    const { status, keys } = await loginWith({ MaxBurstLength: value })
    if (status === 0) expect(keys.MaxBurstLength).toBe('Reject')
    else expect(status).toBe(0x0200)
  })

  it.each([
    ['Y-com.example.x,CRC32C,None', 'CRC32C'],
    ['None,CRC32C', 'None'],
    ['CRC32C,None', 'CRC32C'],
    ['None,CRC32', 'None'],
    ['CRC32C', 'CRC32C'],
    ['None', 'None'],
  ])('[TEXT-10] [TEXT-11] picks from the list %s', async (list, picked) => {
    const answers = await answersTo({ HeaderDigest: list, DataDigest: list })
    expect([answers.HeaderDigest, answers.DataDigest]).toEqual([picked, picked])
  })

  it.each(['100', '511', '16777216', '4294967296', '-1', '08192', '1e5', ''])(
    '[TEXT-12] gives nothing inadmissible for MaxBurstLength=%s',
    async (value) => {
      const { status, keys } = await loginWith({ MaxBurstLength: value })
      if (status !== 0) return expect(status).toBe(0x0200)
      if (keys.MaxBurstLength === 'Reject') return
      expect(Number(keys.MaxBurstLength)).toBeGreaterThanOrEqual(512)
      expect(Number(keys.MaxBurstLength)).toBeLessThanOrEqual(16_777_215)
    },
  )

  it('[TEXT-13] does not take a range for a number', async () => {
    const { status, keys } = await loginWith({ MaxBurstLength: '8192~65536' })
    if (status === 0) expect(keys.MaxBurstLength).toBe('Reject')
    else expect(status).toBe(0x0200)
  })

  it('[TEXT-14] answers every boolean', async () => {
    for (const value of ['Yes', 'No']) {
      const answers = await answersTo({ InitialR2T: value, ImmediateData: value, DataPDUInOrder: value })
      for (const key of ['InitialR2T', 'ImmediateData', 'DataPDUInOrder']) expect(answers[key]).toMatch(/^(Yes|No)$/)
    }
  })

  it('[TEXT-15] does not answer declarations', async () => {
    const answers = await answersTo({ InitiatorAlias: 'an initiator', MaxRecvDataSegmentLength: '777' })
    expect(answers).not.toHaveProperty('InitiatorAlias')
    expect(answers.MaxRecvDataSegmentLength).not.toBe('777')
  })

  it('[TEXT-16] leaves at their defaults the keys that nobody offered', async () => {
    const initiator = await fixture.open()
    const { dataIns } = await execute(initiator, { cdb: read10(0, 1200), readBytes: 1200 * 512 })
    expect(dataIns.every(({ data }) => data.length <= 8192)).toBe(true)
    const unexpected = { cdb: Buffer.from([0x2a, 0, 0, 0, 0, 0, 0, 0, 16, 0]), writeData: Buffer.alloc(8192) }
    const { sense } = await execute(initiator, { ...unexpected, unsolicitedBytes: 8192 })
    expect(sense).toEqual({ key: 0x0b, code: 0x0c0c })
  })

  it.each([
    [
      ['FirstBurstLength', '65536'],
      ['MaxBurstLength', '8192'],
    ],
    [
      ['MaxBurstLength', '8192'],
      ['FirstBurstLength', '65536'],
    ],
  ] as const)(
    '[TEXT-18] [KEY-15] keeps FirstBurstLength within MaxBurstLength in the order %j, %j',
    async (...pairs) => {
      const { status, keys } = await loginWith(pairs)
      if (status !== 0) return expect(status).toBe(0x0200)
      expect(Number(keys.FirstBurstLength)).toBeLessThanOrEqual(Number(keys.MaxBurstLength))
    },
  )
})

describe('Text Requests in full feature phase', () => {
  it('[TEXT-19] serves one negotiation, whatever a second one gets', async () => {
    const initiator = await fixture.open()
    const { itt, ttt } = await openNegotiation(initiator, { [UNKNOWN]: '1' })
    const second = { 'X-com.example.second': '1' }
    for (const byte1 of [FINAL, 0, CONTINUED, FINAL | CONTINUED]) {
      const other = await initiator.sendText(second, { immediate: true, byte1 })
      const reject = await initiator.expect(OPCODE.REJECT)
      expect([reject.byte(2), reject.data.readUInt32BE(16)]).toEqual([0x04, other])
    }
    const foreign = await initiator.sendText(second, { immediate: true, words: { 20: ttt } })
    const reject = await initiator.expect(OPCODE.REJECT)
    expect([reject.byte(2), reject.data.readUInt32BE(16)]).toEqual([0x09, foreign])
    await initiator.sendText({ MaxRecvDataSegmentLength: '512' }, { itt, words: { 20: ttt } })
    const response = await initiator.expect(OPCODE.TEXT_RESPONSE, itt)
    expect([response.isFinal, response.data.toString()]).toEqual([true, ''])
    const { dataIns } = await execute(initiator, { cdb: read10(0, 2), readBytes: 1024 })
    expect(dataIns.map(({ data }) => data.length)).toEqual([512, 512])
  })

  it('[TEXT-21] asks for nothing in a response with F=1, in either phase', async () => {
    const initiator = await fixture.connect()
    const { responses, final } = await initiator.login({ MaxBurstLength: '65536', HeaderDigest: 'CRC32C,None' })
    expect(Object.keys(decodeText(final.data)).toSorted()).toEqual(
      ['HeaderDigest', 'MaxBurstLength', 'MaxRecvDataSegmentLength', 'TargetPortalGroupTag'].toSorted(),
    )
    expect(responses).toHaveLength(1)
    for (const keys of [
      { [UNKNOWN]: '1' },
      { MaxRecvDataSegmentLength: '4096' },
      { InitiatorAlias: 'a' },
      { SendTargets: 'All' },
      {},
    ]) {
      const response = await exchangeText(initiator, keys)
      expect([response.byte(1), response.ttt]).toEqual([FINAL, NO_TAG])
      const originated = Object.keys(decodeText(response.data)).filter((key) => !(key in keys))
      expect(originated.filter((key) => key !== 'TargetName' && key !== 'TargetAddress')).toEqual([])
    }
  })

  it('[TEXT-20] [TEXT-21] [TEXT-26] ends a negotiation when the initiator does', async () => {
    const initiator = await fixture.open()
    const { itt, ttt } = await openNegotiation(initiator, { [UNKNOWN]: '1' })
    await initiator.sendText({}, { itt, words: { 20: ttt } })
    const response = await initiator.expect(OPCODE.TEXT_RESPONSE, itt)
    expect([response.isFinal, response.ttt]).toEqual([true, NO_TAG])
    expect((await exchangeText(initiator, { [UNKNOWN]: '1' })).isFinal).toBe(true)
  })

  it('[TEXT-23] starts anew when a request names no transfer tag', async () => {
    const initiator = await fixture.open()
    const { itt } = await openNegotiation(initiator, { MaxRecvDataSegmentLength: '4096' })
    await initiator.sendText({ MaxRecvDataSegmentLength: '2048' }, { itt })
    expect((await initiator.expect(OPCODE.TEXT_RESPONSE, itt)).isFinal).toBe(true)
    const { dataIns } = await execute(initiator, { cdb: read10(0, 16), readBytes: 8192 })
    expect(dataIns.map(({ data }) => data.length)).toEqual([2048, 2048, 2048, 2048])
  })

  it('[TEXT-24] refuses a transfer tag that names nothing', async () => {
    const initiator = await fixture.open()
    await initiator.sendText({ [UNKNOWN]: '1' }, { immediate: true, words: { 20: 0x12345678 } })
    expect(await answerKind(initiator)).toMatch(/^reject (04|09)$/)
    await initiator.ping()
  })

  it('[TEXT-25] joins a text that is cut by the C bit', async () => {
    const initiator = await fixture.open()
    const text = encodeText({ [UNKNOWN]: 'value' })
    const itt = await initiator.sendText({}, { byte1: 0x40, data: text.subarray(0, 10) })
    const first = await initiator.expect(OPCODE.TEXT_RESPONSE, itt)
    expect([first.data.length, first.isFinal, first.byte(1) & 0x40]).toEqual([0, false, 0])
    await initiator.sendText({}, { itt, data: text.subarray(10), words: { 20: first.ttt } })
    const last = await initiator.expect(OPCODE.TEXT_RESPONSE, itt)
    expect(decodeText(last.data)).toEqual({ [UNKNOWN]: 'NotUnderstood' })
  })

  it('[TEXT-25] joins a text that comes a byte at a time', async () => {
    const initiator = await fixture.open()
    const text = encodeText({ MaxRecvDataSegmentLength: '512', 'X-com.example.long': 'x'.repeat(100) })
    const itt = initiator.newTag()
    let ttt = NO_TAG
    for (let at = 0; at < text.length - 1; at++) {
      await initiator.sendText({}, { byte1: 0x40, itt, data: text.subarray(at, at + 1), words: { 20: ttt } })
      ttt = (await initiator.expect(OPCODE.TEXT_RESPONSE, itt)).ttt
    }
    await initiator.sendText({}, { itt, data: text.subarray(-1), words: { 20: ttt } })
    const response = await initiator.expect(OPCODE.TEXT_RESPONSE, itt)
    expect(decodeText(response.data)).toMatchObject({ 'X-com.example.long': 'NotUnderstood' })
  })

  it('[TEXT-27] rejects the same key twice in one negotiation', async () => {
    const initiator = await fixture.open()
    const key = 'MaxRecvDataSegmentLength'
    await initiator.sendText(
      [
        [key, '1024'],
        [key, '2048'],
      ],
      { immediate: true },
    )
    expect(await answerKind(initiator)).toBe('reject 04')
    expect((await execute(initiator, { cdb: testUnitReady() })).status).toBe(GOOD)
  })

  it('[TEXT-17] [TEXT-27] forgets what a failed negotiation had agreed', async () => {
    const initiator = await fixture.open()
    const key = 'MaxRecvDataSegmentLength'
    const { itt, ttt } = await openNegotiation(initiator, { [key]: '512' })
    await initiator.sendText({ [key]: '1024' }, { itt, immediate: true, words: { 20: ttt } })
    expect(await answerKind(initiator)).toBe('reject 04')
    const { dataIns } = await execute(initiator, { cdb: read10(0, 16), readBytes: 8192 })
    expect(dataIns.map(({ data }) => data.length)).toEqual([8192])
  })

  it('[TEXT-17] applies a new value when the negotiation is complete', async () => {
    const initiator = await fixture.open()
    const { itt, ttt } = await openNegotiation(initiator, { MaxRecvDataSegmentLength: '512' })
    const during = await execute(initiator, { cdb: read10(0, 2), readBytes: 1024 })
    expect(during.dataIns.map(({ data }) => data.length)).toEqual([1024])
    await initiator.sendText({}, { itt, words: { 20: ttt } })
    await initiator.expect(OPCODE.TEXT_RESPONSE, itt)
    const after = await execute(initiator, { cdb: read10(0, 2), readBytes: 1024 })
    expect(after.dataIns.map(({ data }) => data.length)).toEqual([512, 512])
  })

  it('[TEXT-28] keeps its text within the initiator’s MaxRecvDataSegmentLength', async () => {
    const initiator = await fixture.open({ MaxRecvDataSegmentLength: '512' })
    const unknown = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`${UNKNOWN}${index}`, '1']))
    const itt = await initiator.sendText(unknown)
    const parts: Buffer[] = []
    for (;;) {
      const response = await initiator.expect(OPCODE.TEXT_RESPONSE, itt)
      parts.push(response.data)
      if (response.isFinal) break
      const lun = response.header.subarray(8, 16)
      await initiator.sendText({}, { itt, lun, words: { 20: response.ttt } })
    }
    expect(parts.length).toBeGreaterThan(1)
    const answers = decodeText(Buffer.concat(parts))
    for (const key of Object.keys(unknown)) expect(answers[key]).toBe('NotUnderstood')
  })

  it('[TEXT-29] counts a Text Request as a command and its response as a status', async () => {
    const initiator = await fixture.open()
    const before = await initiator.ping()
    const response = await exchangeText(initiator, { [UNKNOWN]: '1' })
    expect((response.expCmdSN - before.expCmdSN) >>> 0).toBe(1)
    expect((response.statSN - before.statSN) >>> 0).toBe(1)
  })

  it.each(['MaxBurstLength=65536', 'HeaderDigest=CRC32C', 'InitialR2T=No', 'InitiatorName=iqn.2026-01.test.lunette:x'])(
    '[LOGIN-37] refuses %s in full feature phase',
    async (pair) => {
      const initiator = await fixture.open()
      await initiator.sendText({}, { immediate: true, data: Buffer.from(`${pair}\0`) })
      const key = pair.slice(0, pair.indexOf('='))
      if (await initiator.connection.closesSilently()) return
      const pdu = await initiator.read()
      if (pdu.opcode === OPCODE.TEXT_RESPONSE) expect(decodeText(pdu.data)).toEqual({ [key]: 'Reject' })
      else expect([pdu.opcode, pdu.byte(2)]).toEqual([OPCODE.REJECT, 0x04])
      await initiator.ping()
    },
  )
})
