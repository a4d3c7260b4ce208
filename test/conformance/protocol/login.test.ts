/** The Login Phase: stages, transitions and sequence, RFC 7143 6.3, 11.12 and 11.13. */

import { describe, expect, it } from 'vitest'
import { useTarget } from '../../support/wire-fixture.ts'
import type { WireInitiator } from '../../support/wire-initiator.ts'
import { FINAL, OPCODE, type TargetPdu } from '../../support/wire-pdu.ts'
import { answerKind } from '../../support/wire-refusal.ts'
import { execute, GOOD, inquiry, testUnitReady } from '../../support/wire-scsi.ts'
import { decodeText, encodeText } from '../../support/wire-text.ts'

const fixture = useTarget()

/** T, C, CSG and NSG of a Login Response. */
function stagesOf(response: TargetPdu) {
  const flags = response.byte(1)
  return {
    isTransit: (flags & 0x80) !== 0,
    isContinued: (flags & 0x40) !== 0,
    currentStage: (flags >> 2) & 3,
    nextStage: flags & 3,
  }
}

function statusOf(response: TargetPdu): number {
  return response.header.readUInt16BE(36)
}

/** Enter the operational stage and stay there. */
async function startOperationalStage(initiator: WireInitiator): Promise<TargetPdu> {
  const response = await initiator.stepLogin({ keys: initiator.names(), isTransit: false })
  expect(statusOf(response)).toBe(0)
  return response
}

describe('before and after login', () => {
  const OTHERS = [OPCODE.NOP_OUT, OPCODE.SCSI_COMMAND, OPCODE.TASK_MANAGEMENT_REQUEST, OPCODE.TEXT_REQUEST]
  it.each([...OTHERS, OPCODE.DATA_OUT, OPCODE.LOGOUT_REQUEST, OPCODE.SNACK, 0x1f])(
    '[LOGIN-1] closes without an answer when opcode %i comes before a login',
    async (opcode) => {
      const initiator = await fixture.connect()
      await initiator.send({ opcode, byte1: FINAL })
      await initiator.connection.expectClosed()
    },
  )

  it.each(OTHERS)('[LOGIN-2] ends a login that opcode %i interrupts with status 020b', async (opcode) => {
    const initiator = await fixture.connect()
    await startOperationalStage(initiator)
    await initiator.send({ opcode, byte1: FINAL })
    expect(statusOf(await initiator.expect(OPCODE.LOGIN_RESPONSE))).toBe(0x020b)
    await initiator.connection.expectClosed()
  })

  it('[LOGIN-3] refuses a Login Request in full feature phase', async () => {
    const initiator = await fixture.open()
    await initiator.sendLogin({ keys: initiator.names() })
    const answer = await answerKind(initiator)
    expect(answer).toMatch(/^(closed|reject 04)$/)
    if (answer !== 'closed') expect((await execute(initiator, { cdb: testUnitReady() })).status).toBe(GOOD)
  })
})

describe('numbers', () => {
  it.each([123, 0xffffffff, 0])('[LOGIN-4] [LOGIN-5] starts counting at the login CmdSN %i', async (firstCmdSN) => {
    const initiator = await fixture.connect({ firstCmdSN })
    const { final } = await initiator.login()
    expect(final.expCmdSN).toBe(firstCmdSN)
    const response = await initiator.ping({ immediate: false })
    expect(response.expCmdSN).toBe((firstCmdSN + 1) >>> 0)
  })

  it('[LOGIN-4] opens a command window with the final response', async () => {
    const initiator = await fixture.connect()
    const { final } = await initiator.login()
    expect((final.maxCmdSN - final.expCmdSN) | 0).toBeGreaterThan(0)
  })

  it('[LOGIN-31] counts StatSN from the first response on into full feature phase', async () => {
    const initiator = await fixture.connect()
    const first = await initiator.stepLogin({ keys: initiator.names(), currentStage: 0, nextStage: 1 })
    const second = await initiator.stepLogin({ isTransit: false })
    const third = await initiator.stepLogin()
    const pong = await initiator.ping()
    const relative = [second, third, pong].map(({ statSN }) => (statSN - first.statSN) >>> 0)
    expect(relative).toEqual([1, 2, 3])
  })

  it('[LOGIN-7] gives the TSIH with the final response and not before', async () => {
    const initiator = await fixture.connect()
    const first = await initiator.stepLogin({ keys: initiator.names(), currentStage: 0, nextStage: 1 })
    const second = await initiator.stepLogin({ isTransit: false })
    const third = await initiator.stepLogin()
    const handles = [first, second, third].map(({ header }) => header.readUInt16BE(14))
    expect(handles.slice(0, 2)).toEqual([0, 0])
    expect(handles[2]).not.toBe(0)
  })

  it('[LOGIN-6] echoes ISID and Initiator Task Tag', async () => {
    const isid = Buffer.from('00023d0a0b0c', 'hex')
    const initiator = await fixture.connect({ isid })
    const response = await initiator.stepLogin({ keys: initiator.names(), itt: 0xcafe0001 })
    expect(response.itt).toBe(0xcafe0001)
    expect(response.header.subarray(8, 14)).toEqual(isid)
  })

  it.each([
    ['ISID', { isid: Buffer.from('800000ffffff', 'hex') }],
    ['TSIH', { tsih: 0x4242 }],
    ['CID', { cid: 9 }],
    ['Initiator Task Tag', { itt: 0x55 }],
    ['Version-max', { versionMax: 1 }],
    ['Version-min', { versionMin: 1 }],
  ])('[LOGIN-6] does not take over a %s that changes within a login', async (_field, change) => {
    const initiator = await fixture.connect()
    await startOperationalStage(initiator)
    await initiator.sendLogin(change)
    const response = await initiator.expect(OPCODE.LOGIN_RESPONSE)
    if (statusOf(response) !== 0) return expect(statusOf(response)).toBe(0x0200)
    expect(response.header.subarray(8, 14)).toEqual(initiator.isid)
    expect([response.itt, response.byte(2), response.byte(3)]).toEqual([1, 0, 0])
  })
})

describe('stages', () => {
  it('[LOGIN-12] [LOGIN-26] needs one request with the names alone for a normal session', async () => {
    const initiator = await fixture.connect()
    const { InitiatorName, TargetName } = initiator.names() as { InitiatorName: string; TargetName: string }
    const response = await initiator.stepLogin({ keys: { InitiatorName, TargetName } })
    expect(statusOf(response)).toBe(0)
    expect(stagesOf(response)).toEqual({ isTransit: true, isContinued: false, currentStage: 1, nextStage: 3 })
    expect((await execute(initiator, { cdb: inquiry(36), readBytes: 36 })).data.length).toBe(36)
  })

  it('[LOGIN-13] [LOGIN-16] [LOGIN-22] answers in the stage of the request and goes no further than it asks', async () => {
    const initiator = await fixture.connect()
    const stay = { isTransit: false, isContinued: false, nextStage: 0 }
    const requests = [
      { fields: { keys: initiator.names(), currentStage: 0, isTransit: false }, stages: { ...stay, currentStage: 0 } },
      {
        fields: { currentStage: 0, nextStage: 1 },
        stages: { ...stay, isTransit: true, currentStage: 0, nextStage: 1 },
      },
      { fields: { isTransit: false }, stages: { ...stay, currentStage: 1 } },
      { fields: {}, stages: { ...stay, isTransit: true, currentStage: 1, nextStage: 3 } },
    ]
    for (const { fields, stages } of requests) {
      const response = await initiator.stepLogin(fields)
      expect(statusOf(response)).toBe(0)
      expect(stagesOf(response)).toEqual(stages)
    }
  })

  it('[LOGIN-15] does not leave a stage that the initiator stays in', async () => {
    const initiator = await fixture.connect()
    const response = await startOperationalStage(initiator)
    expect(stagesOf(response).isTransit).toBe(false)
  })

  it.each([
    ['operational stage back to security', { currentStage: 1, nextStage: 0 }],
    ['operational stage to itself', { currentStage: 1, nextStage: 1 }],
    ['security stage to itself', { currentStage: 0, nextStage: 0 }],
    ['start in full feature phase', { currentStage: 3, nextStage: 3 }],
    ['reserved current stage 2', { currentStage: 2, nextStage: 3 }],
    ['reserved next stage 2', { currentStage: 1, nextStage: 2 }],
  ])('[LOGIN-14] [PDU-4] refuses the move: %s', async (_move, stages) => {
    const initiator = await fixture.connect()
    expect(await initiator.refusedLogin({ keys: initiator.names(), ...stages })).toBe(0x0200)
  })

  it('[LOGIN-14] refuses to return to the security stage', async () => {
    const initiator = await fixture.connect()
    await startOperationalStage(initiator)
    expect(await initiator.refusedLogin({ currentStage: 0, nextStage: 1 })).toBe(0x0200)
  })

  it('[LOGIN-14] refuses to go on in the security stage once it was left', async () => {
    const initiator = await fixture.connect()
    const response = await initiator.stepLogin({ keys: initiator.names(), currentStage: 0, nextStage: 1 })
    expect(stagesOf(response).isTransit).toBe(true)
    expect(await initiator.refusedLogin({ currentStage: 0, nextStage: 1 })).toBe(0x0200)
  })

  it('[LOGIN-34] leaves the security stage at once where no authentication is asked for', async () => {
    const initiator = await fixture.connect()
    const response = await initiator.stepLogin({ keys: initiator.names(), currentStage: 0, nextStage: 1 })
    expect(stagesOf(response)).toEqual({ isTransit: true, isContinued: false, currentStage: 0, nextStage: 1 })
    const keys = decodeText(response.data)
    expect(keys.TargetPortalGroupTag).toMatch(/^[0-9]+$/)
    expect(keys.AuthMethod ?? 'None').toBe('None')
  })

  it('[LOGIN-35] goes from the security stage straight to full feature phase', async () => {
    const initiator = await fixture.connect()
    const keys = { ...initiator.names(), AuthMethod: 'None' }
    const response = await initiator.stepLogin({ keys, currentStage: 0, nextStage: 3 })
    expect(stagesOf(response)).toEqual({ isTransit: true, isContinued: false, currentStage: 0, nextStage: 3 })
    expect(response.header.readUInt16BE(14)).not.toBe(0)
    await initiator.ping()
  })

  it('[LOGIN-23] names the portal group in the first response to a complete text', async () => {
    for (const currentStage of [0, 1]) {
      const initiator = await fixture.connect()
      const keys = initiator.names()
      const response = await initiator.stepLogin({ keys, currentStage, nextStage: 3, isTransit: false })
      expect(decodeText(response.data).TargetPortalGroupTag).toBe('1')
    }
  })

  it('[LOGIN-20] [KEY-4] asks nothing in the response that ends a stage, and never names itself', async () => {
    const initiator = await fixture.connect()
    const keys = { ...initiator.names(), MaxBurstLength: '65536', InitialR2T: 'No', HeaderDigest: 'None' }
    const answered = decodeText((await initiator.stepLogin({ keys })).data)
    const declarations = ['TargetPortalGroupTag', 'TargetAlias', 'MaxRecvDataSegmentLength']
    const unasked = Object.keys(answered).filter((key) => !(key in keys) && !declarations.includes(key))
    expect(unasked).toEqual([])
    expect(answered).not.toHaveProperty('TargetName')
  })
})

describe('text over several requests', () => {
  it('[LOGIN-17] refuses C and T together', async () => {
    const initiator = await fixture.connect()
    expect(await initiator.refusedLogin({ keys: initiator.names(), isContinued: true })).toBe(0x0200)
  })

  it('[LOGIN-18] answers an unfinished text with nothing and works on the joined one', async () => {
    const initiator = await fixture.connect()
    const text = encodeText({ ...initiator.names(), MaxBurstLength: '65536' })
    for (const [start, end] of [
      [0, 9],
      [9, 10],
      [10, 60],
    ] as const) {
      const part = text.subarray(start, end)
      const response = await initiator.stepLogin({ text: part, isTransit: false, isContinued: true })
      expect(statusOf(response)).toBe(0)
      expect(response.data.length).toBe(0)
      expect(stagesOf(response)).toMatchObject({ isTransit: false, isContinued: false })
    }
    const response = await initiator.stepLogin({ text: text.subarray(60) })
    expect(statusOf(response)).toBe(0)
    expect(decodeText(response.data).MaxBurstLength).toBe('65536')
  })

  it('[LOGIN-36] takes 8192 bytes of text in one negotiation', async () => {
    const initiator = await fixture.connect()
    const unknown = Array.from({ length: 72 }, (_, index) => [`X-com.example.k${index}`, 'v'.repeat(90)] as const)
    const text = encodeText([...Object.entries(initiator.names()), ...unknown])
    expect(text.length).toBeLessThanOrEqual(8192)
    expect(text.length).toBeGreaterThan(7800)
    for (let offset = 0; offset < text.length - 2000; offset += 2000) {
      const part = text.subarray(offset, offset + 2000)
      expect((await initiator.stepLogin({ text: part, isTransit: false, isContinued: true })).data.length).toBe(0)
    }
    const tail = text.subarray(Math.floor((text.length - 1) / 2000) * 2000)
    const response = await initiator.stepLogin({ text: tail, isTransit: false })
    expect(statusOf(response)).toBe(0)
    const answered = decodeText(response.data)
    for (const [key] of unknown) expect(answered[key]).toBe('NotUnderstood')
  })

  it('[LOGIN-32] allows ten exchanges', async () => {
    const initiator = await fixture.connect()
    await startOperationalStage(initiator)
    const keys = ['65536', 'No', 'Yes', '2', '20', '1', 'Yes', 'Yes', '0'] as const
    const names = [
      'MaxBurstLength',
      'InitialR2T',
      'ImmediateData',
      'DefaultTime2Wait',
      'DefaultTime2Retain',
      'MaxOutstandingR2T',
      'DataPDUInOrder',
      'DataSequenceInOrder',
      'ErrorRecoveryLevel',
    ]
    for (const [index, name] of names.entries()) {
      const response = await initiator.stepLogin({ keys: { [name]: keys[index]! }, isTransit: false })
      expect(statusOf(response)).toBe(0)
      expect(decodeText(response.data)).toHaveProperty(name)
    }
    expect(stagesOf(await initiator.stepLogin())).toMatchObject({ isTransit: true, nextStage: 3 })
  })

  it('[LOGIN-21] ends the operational stage however often the initiator asks for it', async () => {
    const initiator = await fixture.connect()
    await startOperationalStage(initiator)
    for (let exchange = 0; ; exchange++) {
      expect(exchange).toBeLessThan(5)
      if (stagesOf(await initiator.stepLogin()).isTransit) break
    }
  })
})

describe('a connection that a login was refused on', () => {
  it('[LOGIN-28] is closed, and a retry on a new one works', async () => {
    const refused = await fixture.connect()
    expect(await refused.refusedLogin({ keys: {} })).toBe(0x0207)
    await (await fixture.open()).ping()
  })
})
