/** Operational keys and their results, RFC 7143 chapter 13. */

import { describe, expect, it } from 'vitest'
import { useTarget } from '../../support/wire-fixture.ts'
import { OPCODE } from '../../support/wire-pdu.ts'
import { execute, GOOD, inquiry, pattern, read10, write10 } from '../../support/wire-scsi.ts'
import type { TextKeys } from '../../support/wire-text.ts'

const fixture = useTarget()

async function answersTo(keys: TextKeys): Promise<Record<string, string>> {
  const initiator = await fixture.connect()
  const { keys: answers } = await initiator.login(keys)
  return answers
}

const BOOLEANS = ['Yes', 'No'] as const

/** What the targets of these tests negotiate for; nothing is a default or an end of a range. */
const PREFERRED = {
  maxConnections: 5,
  maxBurstLength: 131_072,
  firstBurstLength: 32_768,
  defaultTime2Wait: 7,
  defaultTime2Retain: 11,
  maxOutstandingR2T: 3,
  errorRecoveryLevel: 1,
} as const

/** Numeric keys: how the offer bounds the answer, and what may be offered. */
const NUMERIC_KEYS = [
  { id: 'KEY-3', key: 'MaxConnections', bound: 'atMost', min: 1, max: 65_535, offers: [1, 4, 65_535] },
  {
    id: 'KEY-14',
    key: 'MaxBurstLength',
    bound: 'atMost',
    min: 512,
    max: 16_777_215,
    offers: [512, 65_536, 16_777_215],
  },
  { id: 'KEY-15', key: 'FirstBurstLength', bound: 'atMost', min: 512, max: 16_777_215, offers: [512, 8192, 262_144] },
  { id: 'KEY-17', key: 'DefaultTime2Wait', bound: 'atLeast', min: 0, max: 3600, offers: [0, 2, 3600] },
  { id: 'KEY-18', key: 'DefaultTime2Retain', bound: 'atMost', min: 0, max: 3600, offers: [0, 20, 3600] },
  { id: 'KEY-19', key: 'MaxOutstandingR2T', bound: 'atMost', min: 1, max: 65_535, offers: [1, 8, 65_535] },
  { id: 'KEY-21', key: 'ErrorRecoveryLevel', bound: 'atMost', min: 0, max: 2, offers: [0, 1, 2] },
  { id: 'KEY-27', key: 'iSCSIProtocolLevel', bound: 'atMost', min: 0, max: 31, offers: [0, 1, 2, 31] },
] as const

describe('numbers', () => {
  for (const { id, key, bound, min, max, offers } of NUMERIC_KEYS) {
    it.each(offers)(`[${id}] ${key}=%i has an admissible result`, async (offer) => {
      const answer = (await answersTo({ [key]: String(offer) }))[key]
      expect(answer).toMatch(/^(0|[1-9][0-9]*)$/)
      expect(Number(answer)).toBeGreaterThanOrEqual(bound === 'atLeast' ? offer : min)
      expect(Number(answer)).toBeLessThanOrEqual(bound === 'atMost' ? offer : max)
    })
  }

  it('[KEY-3] [KEY-21] gives a target with one connection and no recovery what it has, whatever is offered', async () => {
    const offers = { MaxConnections: '4', ErrorRecoveryLevel: '2' }
    expect((await (await modest.connect()).login(offers)).keys).toMatchObject({
      MaxConnections: '1',
      ErrorRecoveryLevel: '0',
    })
  })

  it.each([
    ['KEY-3', 'MaxConnections', '4', '4'],
    ['KEY-3', 'MaxConnections', '65535', '8'],
    ['KEY-17', 'DefaultTime2Wait', '0', '2'],
    ['KEY-17', 'DefaultTime2Wait', '30', '30'],
    ['KEY-18', 'DefaultTime2Retain', '0', '0'],
    ['KEY-18', 'DefaultTime2Retain', '3600', '20'],
    ['KEY-21', 'ErrorRecoveryLevel', '1', '1'],
    ['KEY-21', 'ErrorRecoveryLevel', '2', '2'],
    ['KEY-25', 'TaskReporting', 'FastAbort,ResponseFence,RFC3720', 'FastAbort'],
    ['KEY-25', 'TaskReporting', 'RFC3720,ResponseFence', 'RFC3720'],
    ['KEY-27', 'iSCSIProtocolLevel', '31', '2'],
    ['KEY-27', 'iSCSIProtocolLevel', '1', '1'],
  ])('[%s] %s=%s becomes %s with a target that has everything', async (_id, key, offer, answer) => {
    expect((await (await complete.connect()).login({ [key]: offer })).keys[key]).toBe(answer)
  })

  it('[KEY-19] [KEY-21] [TEXT-18] has one R2T with error recovery, in whichever request it is negotiated', async () => {
    const keys = { ErrorRecoveryLevel: '2', MaxOutstandingR2T: '4' }
    const together = await (await complete.connect()).login(keys)
    expect(together.keys).toMatchObject({ ErrorRecoveryLevel: '2', MaxOutstandingR2T: '1' })
    for (const [first, second, results] of [
      ['ErrorRecoveryLevel', 'MaxOutstandingR2T', { ErrorRecoveryLevel: '2', MaxOutstandingR2T: '1' }],
      ['MaxOutstandingR2T', 'ErrorRecoveryLevel', { MaxOutstandingR2T: '4', ErrorRecoveryLevel: '0' }],
    ] as const) {
      const initiator = await complete.connect()
      const begun = await initiator.stepLogin({
        keys: { ...initiator.names(), [first]: keys[first] },
        isTransit: false,
      })
      const rest = { [second]: keys[second] }
      const outcome = await initiator.finishLogin(rest, [begun, await initiator.stepLogin({ keys: rest })])
      expect(outcome.keys).toMatchObject(results)
    }
  })

  it.each([
    ['KEY-3', 'MaxConnections', 'min', PREFERRED.maxConnections, [1, 4, 5, 6, 65_535]],
    ['KEY-14', 'MaxBurstLength', 'min', PREFERRED.maxBurstLength, [32_768, 131_071, 131_072, 131_073, 16_777_215]],
    ['KEY-15', 'FirstBurstLength', 'min', PREFERRED.firstBurstLength, [512, 32_767, 32_768, 32_769, 131_072]],
    ['KEY-17', 'DefaultTime2Wait', 'max', PREFERRED.defaultTime2Wait, [0, 6, 7, 8, 3600]],
    ['KEY-18', 'DefaultTime2Retain', 'min', PREFERRED.defaultTime2Retain, [0, 10, 11, 12, 3600]],
    ['KEY-19', 'MaxOutstandingR2T', 'min', PREFERRED.maxOutstandingR2T, [1, 2, 3, 4, 65_535]],
    ['KEY-21', 'ErrorRecoveryLevel', 'min', PREFERRED.errorRecoveryLevel, [0, 1, 2]],
    ['KEY-27', 'iSCSIProtocolLevel', 'min', 2, [0, 1, 2, 3, 31]],
  ] as const)(
    '[%s] %s is exactly the %s of both sides, here %i and each of %j',
    async (_id, key, pick, own, offers) => {
      for (const offer of offers) {
        const { keys } = await (await particular.connect()).login({ [key]: String(offer) })
        expect([offer, keys[key]]).toEqual([offer, String(Math[pick](offer, own))])
      }
    },
  )

  const particular = useTarget({ parameters: PREFERRED })
  const modest = useTarget({ parameters: { maxConnections: 1, errorRecoveryLevel: 0 } })
  const complete = useTarget({ parameters: { defaultTime2Wait: 2 } })

  it('[KEY-18] lets the initiator choose that nothing is retained', async () => {
    expect((await answersTo({ DefaultTime2Retain: '0' })).DefaultTime2Retain).toBe('0')
  })

  it('[KEY-19] has room for several outstanding R2Ts', async () => {
    expect(Number((await answersTo({ MaxOutstandingR2T: '4' })).MaxOutstandingR2T)).toBeGreaterThan(1)
  })

  it('[KEY-16] gives a number for FirstBurstLength where there is no first burst', async () => {
    const offer = { InitialR2T: 'Yes', ImmediateData: 'No', FirstBurstLength: '8192' }
    expect((await answersTo(offer)).FirstBurstLength).toMatch(/^([0-9]+|Irrelevant)$/)
  })
})

describe('booleans', () => {
  it('[KEY-10] InitialR2T=No is granted, Yes is never turned into No', async () => {
    expect((await answersTo({ InitialR2T: 'No' })).InitialR2T).toBe('No')
    expect((await answersTo({ InitialR2T: 'Yes' })).InitialR2T).toBe('Yes')
  })

  it('[KEY-11] ImmediateData=Yes is granted, No is never turned into Yes', async () => {
    expect((await answersTo({ ImmediateData: 'Yes' })).ImmediateData).toBe('Yes')
    expect((await answersTo({ ImmediateData: 'No' })).ImmediateData).toBe('No')
  })

  it.each(['DataPDUInOrder', 'DataSequenceInOrder'])('[KEY-20] %s=Yes is never turned into No', async (key) => {
    expect((await answersTo({ [key]: 'Yes' }))[key]).toBe('Yes')
  })

  it.each(['DataPDUInOrder', 'DataSequenceInOrder'])(
    '[KEY-20] %s=No becomes Yes with a target that wants order, and data comes in order',
    async (key) => {
      expect((await answersTo({ [key]: 'No' }))[key]).toBe('Yes')
      const initiator = await fixture.open({ [key]: 'No', MaxRecvDataSegmentLength: '512', MaxBurstLength: '1024' })
      const { dataIns } = await execute(initiator, { cdb: read10(0, 8), readBytes: 4096 })
      expect(dataIns.map(({ header }) => header.readUInt32BE(40))).toEqual([...Array(8).keys()].map((n) => n * 512))
    },
  )
})

describe('digests', () => {
  it.each(BOOLEANS.flatMap((header) => BOOLEANS.map((data) => ({ header, data }))))(
    '[KEY-1] moves data with the digests $header (header) and $data (data)',
    async ({ header, data }) => {
      const digest = (isOn: string) => (isOn === 'Yes' ? 'CRC32C' : 'None')
      const initiator = await fixture.open({ HeaderDigest: digest(header), DataDigest: digest(data) })
      expect(initiator.digests).toEqual({ header: header === 'Yes', data: data === 'Yes' })
      const writeData = pattern(100 * 512, header.length * 10 + data.length)
      expect((await execute(initiator, { cdb: write10(5, 100), writeData, immediateBytes: 512 })).status).toBe(GOOD)
      const readBack = await execute(initiator, { cdb: read10(5, 100), readBytes: writeData.length })
      expect(readBack.data.equals(writeData)).toBe(true)
    },
  )
})

describe('digests that nobody asked for', () => {
  it('[KEY-2] are not offered, and Y- digests neither chosen nor offered', async () => {
    const silent = await answersTo({})
    expect(Object.keys(silent).filter((key) => key.endsWith('Digest'))).toEqual([])
    expect(await answersTo({ HeaderDigest: 'Y-com.example.x,CRC32C,None' })).toMatchObject({ HeaderDigest: 'CRC32C' })
    expect(await answersTo({ DataDigest: 'Y-com.example.x,None' })).toMatchObject({ DataDigest: 'None' })
  })
})

describe('MaxRecvDataSegmentLength', () => {
  it('[KEY-12] is kept to in each direction by itself', async () => {
    const initiator = await fixture.open({ MaxRecvDataSegmentLength: '512' })
    const { targetMaxRecvDataSegmentLength } = initiator.parameters
    expect(targetMaxRecvDataSegmentLength).toBeGreaterThan(512)
    const writeData = pattern(65_536, 5)
    expect((await execute(initiator, { cdb: write10(0, 128), writeData })).status).toBe(GOOD)
    const { data, dataIns } = await execute(initiator, { cdb: read10(0, 128), readBytes: 65_536 })
    expect(data.equals(writeData)).toBe(true)
    expect(dataIns.length).toBe(128)
  })

  it('[KEY-12] is declared by the target in the login', async () => {
    const declared = (await answersTo({ MaxRecvDataSegmentLength: '65536' })).MaxRecvDataSegmentLength
    expect(Number(declared)).toBeGreaterThanOrEqual(8192)
  })

  it('[KEY-13] changes in full feature phase', async () => {
    const initiator = await fixture.open()
    for (const [bytes, lengths] of [
      [512, [512, 512, 512, 512]],
      [1024, [1024, 1024]],
      [65_536, [2048]],
    ] as const) {
      const itt = await initiator.sendText({ MaxRecvDataSegmentLength: String(bytes) })
      await initiator.expect(OPCODE.TEXT_RESPONSE, itt)
      const { dataIns } = await execute(initiator, { cdb: read10(0, 4), readBytes: 2048 })
      expect(dataIns.map(({ data }) => data.length)).toEqual(lengths)
    }
  })

  it.each(['511', '16777216', 'abc'])('[KEY-12] [TEXT-12] refuses the declaration %s', async (value) => {
    const initiator = await fixture.connect()
    const keys = { ...initiator.names(), MaxRecvDataSegmentLength: value }
    const response = await initiator.stepLogin({ keys })
    if (response.byte(36) === 0) expect(response.data.toString()).toContain('MaxRecvDataSegmentLength=Reject\0')
    else expect(response.header.readUInt16BE(36)).toBe(0x0200)
  })
})

describe('other keys', () => {
  it('[KEY-6] tells a TargetAlias of 255 bytes in the first response to a normal session, and not to discovery', async () => {
    const initiator = await named.connect()
    const { responses } = await initiator.login()
    expect(responses[0]!.data.toString()).toContain(`TargetAlias=${ALIAS}\0`)
    const { keys } = await (await named.connect()).login({ SessionType: 'Discovery' })
    expect(keys).not.toHaveProperty('TargetAlias')
  })

  const ALIAS = `${'\u00e9'.repeat(127)}!`
  const named = useTarget({ alias: ALIAS })

  it('[KEY-7] takes an InitiatorAlias in every stage and in full feature phase', async () => {
    const initiator = await fixture.connect()
    const keys = { ...initiator.names(), InitiatorAlias: 'alias' }
    expect((await initiator.stepLogin({ keys, currentStage: 0, nextStage: 1 })).byte(36)).toBe(0)
    const offered = { MaxRecvDataSegmentLength: '8192' }
    await initiator.finishLogin(offered, [await initiator.stepLogin({ keys: offered })])
    const itt = await initiator.sendText({ InitiatorAlias: 'another' })
    expect((await initiator.expect(OPCODE.TEXT_RESPONSE, itt)).data.length).toBe(0)
  })

  it.each([
    ['RFC3720,ResponseFence', 'RFC3720'],
    ['RFC3720', 'RFC3720'],
    ['ResponseFence,RFC3720', 'ResponseFence'],
    ['FastAbort,ResponseFence,RFC3720', 'FastAbort'],
    ['ResponseFence,FastAbort,RFC3720', 'ResponseFence'],
    ['X-com.example.reporting,FastAbort,RFC3720', 'FastAbort'],
    ['Y-later,X-com.example.reporting,RFC3720,FastAbort', 'RFC3720'],
  ] as const)('[KEY-25] picks from TaskReporting=%s the first that it has', async (offer, picked) => {
    expect((await answersTo({ TaskReporting: offer })).TaskReporting).toBe(picked)
  })

  it.each([
    ['RFC3720', 'ResponseFence,RFC3720', 'RFC3720'],
    ['ResponseFence', 'FastAbort,ResponseFence,RFC3720', 'ResponseFence'],
    ['ResponseFence', 'FastAbort,RFC3720,ResponseFence', 'RFC3720'],
  ] as const)('[KEY-25] a target that goes up to %s picks from %s', async (taskReporting, offer, picked) => {
    const target = taskReporting === 'RFC3720' ? withoutReporting : withFence
    expect((await (await target.connect()).login({ TaskReporting: offer })).keys.TaskReporting).toBe(picked)
  })

  const withoutReporting = useTarget({ parameters: { taskReporting: 'RFC3720' } })
  const withFence = useTarget({ parameters: { taskReporting: 'ResponseFence' } })

  it('[KEY-28] names in INQUIRY no iSCSI version but the negotiated one', async () => {
    const initiator = await fixture.connect()
    const { keys } = await initiator.login({ iSCSIProtocolLevel: '1' })
    const { data } = await execute(initiator, { cdb: inquiry(96), readBytes: 96 })
    const descriptors = Array.from({ length: 8 }, (_, index) => 58 + 2 * index)
      .filter((offset) => offset + 2 <= data.length)
      .map((offset) => data.readUInt16BE(offset))
      .filter((descriptor) => descriptor >= 0x0960 && descriptor < 0x0980)
    for (const descriptor of descriptors) expect(descriptor).toBe(0x0960 + Number(keys.iSCSIProtocolLevel))
  })

  it('[KEY-29] answers No to markers', async () => {
    expect(await answersTo({ IFMarker: 'No', OFMarker: 'No' })).toMatchObject({ IFMarker: 'No', OFMarker: 'No' })
    expect(await answersTo({ IFMarker: 'Yes', OFMarker: 'Yes' })).toMatchObject({ IFMarker: 'No', OFMarker: 'No' })
  })

  it('[KEY-30] rejects marker intervals', async () => {
    const initiator = await fixture.connect()
    const keys = { ...initiator.names(), OFMarkInt: '1~65535', IFMarkInt: '1~65535' }
    const { data } = await initiator.stepLogin({ keys })
    expect(data.toString()).toContain('OFMarkInt=Reject\0')
    expect(data.toString()).toContain('IFMarkInt=Reject\0')
  })

  it('[KEY-31] takes X#NodeArchitecture and does not send it', async () => {
    const answers = await answersTo({ 'X#NodeArchitecture': 'test,arch' })
    expect(answers).not.toHaveProperty('X#NodeArchitecture')
  })

  it('[KEY-23] [KEY-24] completes a discovery login that offers keys of normal sessions', async () => {
    const offer = {
      MaxConnections: '4',
      InitialR2T: 'No',
      ImmediateData: 'Yes',
      MaxBurstLength: '65536',
      FirstBurstLength: '65536',
      MaxOutstandingR2T: '4',
      DataPDUInOrder: 'Yes',
      DataSequenceInOrder: 'Yes',
      ErrorRecoveryLevel: '2',
      TaskReporting: 'FastAbort,ResponseFence,RFC3720',
      iSCSIProtocolLevel: '2',
    }
    const initiator = await fixture.connect()
    const { keys: answers } = await initiator.login({ SessionType: 'Discovery', ...offer })
    for (const key of Object.keys(offer)) {
      expect([key, answers[key]]).toEqual([
        key,
        expect.stringMatching(/^(Irrelevant|Yes|No|[0-9]+|RFC3720|FastAbort)$/),
      ])
    }
    expect(answers.MaxConnections).toMatch(/^(Irrelevant|1)$/)
    expect(answers.ErrorRecoveryLevel).toBe('0')
    const itt = await initiator.sendText({ SendTargets: 'All' })
    expect((await initiator.expect(OPCODE.TEXT_RESPONSE, itt)).data.toString()).toContain('TargetName=')
  })
})
