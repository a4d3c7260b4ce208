/** Which logins are refused, and with which status: RFC 7143 6.3 and 11.13.5. */

import { describe, expect, it } from 'vitest'
import { useTarget } from '../../support/wire-fixture.ts'
import { encodeText, type TextPair } from '../../support/wire-text.ts'

const fixture = useTarget()

/** The names without one of them. */
function without(names: Record<string, string>, absent: string): Record<string, string> {
  return Object.fromEntries(Object.entries(names).filter(([key]) => key !== absent))
}

describe('version', () => {
  it('[LOGIN-8] refuses a version range without 0 and says which it has', async () => {
    const initiator = await fixture.connect()
    const response = await initiator.stepLogin({ keys: initiator.names(), versionMin: 1, versionMax: 2 })
    expect(response.header.readUInt16BE(36)).toBe(0x0205)
    expect(response.byte(3)).toBe(0)
    await initiator.connection.expectClosed()
  })

  it('[LOGIN-39] names the version first, without which nothing else can be understood', async () => {
    const initiator = await fixture.connect()
    const fields = { keys: { TargetName: 'iqn.2026-01.test.lunette:absent' }, versionMin: 1, versionMax: 1 }
    expect(await initiator.refusedLogin(fields)).toBe(0x0205)
  })

  it('[LOGIN-39] names what is missing before what does not exist', async () => {
    const initiator = await fixture.connect()
    expect(await initiator.refusedLogin({ keys: { TargetName: 'iqn.2026-01.test.lunette:absent' } })).toBe(0x0207)
  })

  it('[LOGIN-8] takes version 0 out of a range', async () => {
    const initiator = await fixture.connect()
    const { responses } = await initiator.login({}, { versionMax: 5 })
    for (const response of responses) expect([response.byte(2), response.byte(3)]).toEqual([0, 0])
    await initiator.ping()
  })
})

describe('names', () => {
  it.each(['InitiatorName', 'TargetName'])(
    '[LOGIN-9] [LOGIN-10] refuses a first request without %s',
    async (absent) => {
      for (const currentStage of [0, 1]) {
        const initiator = await fixture.connect()
        const keys = without(initiator.names(), absent)
        expect(await initiator.refusedLogin({ keys, currentStage, nextStage: 3 })).toBe(0x0207)
      }
    },
  )

  it('[LOGIN-11] does not find a target that is not there', async () => {
    const initiator = await fixture.connect({ targetName: 'iqn.2026-01.test.lunette:absent' })
    expect(await initiator.refusedLogin({ keys: initiator.names() })).toBe(0x0203)
  })

  it('[NAME-1] takes initiator names of 223 bytes and no longer ones', async () => {
    const name = (byteCount: number) => 'iqn.2026-01.test.lunette:'.padEnd(byteCount, 'a')
    const longest = await fixture.connect({ initiatorName: name(223) })
    await longest.login()
    const tooLong = await fixture.connect({ initiatorName: name(224) })
    expect(await tooLong.refusedLogin({ keys: tooLong.names() })).toBe(0x0200)
  })

  it('[NAME-7] finds a target by its name in any letter case', async () => {
    const initiator = await fixture.connect({ targetName: fixture.target.targetName.toUpperCase() })
    await initiator.login()
    await initiator.ping()
  })
})

describe('keys', () => {
  const twice: readonly (readonly [string, readonly TextPair[]])[] = [
    [
      'the same value',
      [
        ['MaxBurstLength', '65536'],
        ['MaxBurstLength', '65536'],
      ],
    ],
    [
      'another value',
      [
        ['MaxBurstLength', '65536'],
        ['MaxBurstLength', '32768'],
      ],
    ],
    [
      'a declaration',
      [
        ['MaxRecvDataSegmentLength', '8192'],
        ['MaxRecvDataSegmentLength', '8192'],
      ],
    ],
    ['a name', [['InitiatorName', 'iqn.2026-01.test.lunette:other']]],
  ]
  it.each(twice)('[LOGIN-24] [KEY-5] refuses a key twice in one request: %s', async (_case, pairs) => {
    const initiator = await fixture.connect()
    const text = encodeText([...Object.entries(initiator.names()), ...pairs])
    expect(await initiator.refusedLogin({ text, isTransit: false })).toBe(0x0200)
  })

  it.each(['MaxBurstLength', 'MaxRecvDataSegmentLength', 'InitiatorName'])(
    '[LOGIN-24] [KEY-5] refuses %s again in a later request',
    async (key) => {
      const initiator = await fixture.connect()
      const value = key === 'InitiatorName' ? initiator.initiatorName : '8192'
      const keys = { ...initiator.names(), [key]: value }
      expect((await initiator.stepLogin({ keys, isTransit: false })).byte(36)).toBe(0)
      expect(await initiator.refusedLogin({ keys: { [key]: value } })).toBe(0x0200)
    },
  )

  it.each(['HeaderDigest', 'MaxBurstLength', 'InitialR2T'])(
    '[LOGIN-25] [SEC-2] refuses %s in the security stage',
    async (key) => {
      const initiator = await fixture.connect()
      const value = { HeaderDigest: 'None', MaxBurstLength: '65536', InitialR2T: 'Yes' }[key]!
      const keys = { ...initiator.names(), [key]: value }
      expect(await initiator.refusedLogin({ keys, currentStage: 0, nextStage: 1 })).toBe(0x0200)
    },
  )

  it('[LOGIN-25] refuses AuthMethod in the operational stage', async () => {
    const initiator = await fixture.connect()
    const keys = { ...initiator.names(), AuthMethod: 'None' }
    expect(await initiator.refusedLogin({ keys })).toBe(0x0200)
  })

  it('[LOGIN-25] refuses SendTargets in login', async () => {
    const initiator = await fixture.connect()
    const keys = { ...initiator.names('Discovery'), SendTargets: 'All' }
    expect(await initiator.refusedLogin({ keys })).toBe(0x0200)
  })

  it.each(['TargetPortalGroupTag=1', 'TargetAlias=mine', 'TargetAddress=127.0.0.1:3260,1'])(
    '[KEY-9] refuses %s from an initiator',
    async (pair) => {
      const initiator = await fixture.connect()
      const text = Buffer.concat([encodeText(initiator.names()), Buffer.from(`${pair}\0`)])
      expect(await initiator.refusedLogin({ text })).toBe(0x0200)
    },
  )

  it('[LOGIN-27] does not go on after a negotiation that failed', async () => {
    const initiator = await fixture.connect()
    const keys = { ...initiator.names(), HeaderDigest: 'Y-com.example.foo' }
    const response = await initiator.stepLogin({ keys })
    if (response.byte(36) === 0) expect(response.data.toString()).toContain('HeaderDigest=Reject\0')
    else expect(response.header.readUInt16BE(36)).toBe(0x0200)
    await initiator.connection.expectClosed()
  })

  it('[KEY-22] refuses an unknown SessionType', async () => {
    const initiator = await fixture.connect()
    const keys = { ...initiator.names(), SessionType: 'foo' }
    expect(await initiator.refusedLogin({ keys })).toBeOneOf([0x0200, 0x0209])
  })

  it.each(['=x', 'noequals'])('[TEXT-3] refuses the malformed pair %j', async (pair) => {
    const initiator = await fixture.connect()
    const text = Buffer.concat([encodeText(initiator.names()), Buffer.from(`${pair}\0`)])
    expect(await initiator.refusedLogin({ text })).toBe(0x0200)
  })

  it.each(['lower', '1digit', 'K'.repeat(64), 'Sp ace'])('[TEXT-3] does not act on the key name %j', async (name) => {
    const initiator = await fixture.connect()
    const text = Buffer.concat([encodeText(initiator.names()), Buffer.from(`${name}=1\0`)])
    const response = await initiator.stepLogin({ text })
    if (response.byte(36) === 0) expect(response.data.toString()).toContain(`${name}=NotUnderstood\0`)
    else expect(response.header.readUInt16BE(36)).toBe(0x0200)
  })

  it('[TEXT-1] refuses a text whose last pair has no NUL', async () => {
    const initiator = await fixture.connect()
    const text = encodeText({ ...initiator.names(), MaxBurstLength: '65536' })
    expect(await initiator.refusedLogin({ text: text.subarray(0, -1) })).toBe(0x0200)
  })
})

describe('resources', () => {
  const small = useTarget({ limits: { sessionsMax: 2 } })

  it('[LOGIN-11] has no room for one session more than its limit, until another ends', async () => {
    const first = await small.open()
    await small.open()
    const third = await small.connect()
    expect(await third.refusedLogin({ keys: third.names() })).toBe(0x0302)
    await first.logout()
    await small.open()
  })

  it('[SESS-3] a session that takes the place of another needs no room of its own', async () => {
    const first = await small.open()
    await small.open()
    const successor = await small.open({}, { isid: first.isid })
    await successor.ping()
  })
})
