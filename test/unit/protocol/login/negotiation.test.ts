import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KEY_TABLE } from '../../../../protocol/login/key-table.ts'
import type { LoginPreferences } from '../../../../protocol/login/login-machine.ts'
import { isRefusal } from '../../../../protocol/login/login-status.ts'
import { type AgreedParameters, negotiate, settle } from '../../../../protocol/login/negotiation.ts'
import {
  CONNECTION_PARAMETER_DEFAULTS,
  SESSION_PARAMETER_DEFAULTS,
  type SessionParameters,
  type SessionType,
} from '../../../../protocol/login/parameters.ts'
import { LIMITS, loginPreferences } from '../../../../src/limits.ts'
import { PREFERENCES, pairsOf } from '../../../support/login-steps.ts'

function preferring(session: Partial<SessionParameters>): LoginPreferences {
  return { ...PREFERENCES, session: { ...PREFERENCES.session, ...session } }
}

/** The answers to `offers` as lines, or the refusal's reason. */
function answers(
  offers: readonly string[],
  preferences = PREFERENCES,
  sessionType: SessionType = 'Normal',
  known: AgreedParameters = {},
): readonly string[] | string {
  const round = negotiate(pairsOf(offers), known, preferences, sessionType)
  return isRefusal(round) ? round.reason : round.answers.map(({ key, value }) => `${key}=${value}`)
}

/** What both sides work with after `rounds` of offers. */
function outcome(...rounds: readonly (readonly string[])[]) {
  let known: AgreedParameters = {}
  for (const offers of rounds) {
    const round = negotiate(pairsOf(offers), known, PREFERENCES, 'Normal')
    if (isRefusal(round)) return round
    known = round.agreed
  }
  return settle(known)
}

describe('result functions', () => {
  it.each([
    ['KEY-10', 'InitialR2T', 'initialR2T', [false, true, true, true]],
    ['KEY-11', 'ImmediateData', 'immediateData', [false, false, false, true]],
    ['KEY-20', 'DataPDUInOrder', 'dataPDUInOrder', [false, true, true, true]],
    ['KEY-20', 'DataSequenceInOrder', 'dataSequenceInOrder', [false, true, true, true]],
  ] as const)('[%s] %s has its truth table', (_id, key, parameter, results) => {
    const combinations = [
      ['No', false],
      ['No', true],
      ['Yes', false],
      ['Yes', true],
    ] as const
    combinations.forEach(([offer, preferred], index) => {
      const answer = answers([`${key}=${offer}`], preferring({ [parameter]: preferred }))
      expect(answer).toEqual([`${key}=${results[index] ? 'Yes' : 'No'}`])
    })
  })

  it.each([
    ['KEY-3', 'MaxConnections=2', 'MaxConnections=2'],
    ['KEY-3', 'MaxConnections=9', 'MaxConnections=4'],
    ['KEY-14', 'MaxBurstLength=65536', 'MaxBurstLength=65536'],
    ['KEY-14', 'MaxBurstLength=0x20000', 'MaxBurstLength=131072'],
    ['KEY-14', 'MaxBurstLength=16776192', 'MaxBurstLength=1048576'],
    ['KEY-17', 'DefaultTime2Wait=0', 'DefaultTime2Wait=2'],
    ['KEY-17', 'DefaultTime2Wait=10', 'DefaultTime2Wait=10'],
    ['KEY-18', 'DefaultTime2Retain=20', 'DefaultTime2Retain=0'],
    ['KEY-19', 'MaxOutstandingR2T=65535', 'MaxOutstandingR2T=8'],
    ['KEY-21', 'ErrorRecoveryLevel=2', 'ErrorRecoveryLevel=0'],
    ['KEY-27', 'iSCSIProtocolLevel=2', 'iSCSIProtocolLevel=1'],
    ['KEY-27', 'iSCSIProtocolLevel=0', 'iSCSIProtocolLevel=0'],
  ])('[%s] answers %s with %s', (_id, offer, answer) => {
    expect(answers([offer])).toEqual([answer])
  })

  it.each([
    ['MaxBurstLength=16777216', 'MaxBurstLength=1048576'],
    ['MaxBurstLength=100', 'MaxBurstLength=Reject'],
    ['MaxConnections=0', 'MaxConnections=Reject'],
    ['DefaultTime2Wait=4000', 'DefaultTime2Wait=Reject'],
    ['MaxBurstLength=512~1024', 'MaxBurstLength=Reject'],
  ])('[TEXT-12] [TEXT-13] answers the inadmissible %s with %s', (offer, answer) => {
    expect(answers([offer])).toEqual([answer])
  })

  it('leaves a rejected key at its default', () => {
    expect(outcome(['MaxBurstLength=100'])).toMatchObject({ session: { maxBurstLength: 262_144 } })
  })

  it.each(['InitialR2T=yes', 'InitialR2T=', 'MaxBurstLength=big', 'MaxBurstLength=-1', 'MaxBurstLength=2~1'])(
    '[TEXT-2] refuses %s, which is not of its key’s type, and names the key',
    (offer) => {
      expect(answers([offer])).toContain(offer.split('=')[0])
    },
  )
})

describe('lists', () => {
  it.each([
    ['HeaderDigest=Y-x,CRC32C,None', 'HeaderDigest=CRC32C'],
    ['HeaderDigest=None,CRC32C', 'HeaderDigest=None'],
    ['DataDigest=None,CRC32', 'DataDigest=None'],
    ['DataDigest=CRC32C', 'DataDigest=CRC32C'],
    ['TaskReporting=FastAbort,ResponseFence,RFC3720', 'TaskReporting=RFC3720'],
  ])('[TEXT-10] [TEXT-11] answers %s with %s', (offer, answer) => {
    expect(answers([offer])).toEqual([answer])
  })

  it('[KEY-1] negotiates the digests independently of each other', () => {
    expect(outcome(['HeaderDigest=CRC32C', 'DataDigest=None'])).toMatchObject({
      connection: { headerDigest: true, dataDigest: false },
    })
    expect(outcome(['HeaderDigest=None', 'DataDigest=CRC32C,None'])).toMatchObject({
      connection: { headerDigest: false, dataDigest: true },
    })
  })

  it('[KEY-25] permits the semantics up to the preferred one', () => {
    const offer = ['TaskReporting=FastAbort,ResponseFence,RFC3720']
    expect(answers(offer, preferring({ taskReporting: 'ResponseFence' }))).toEqual(['TaskReporting=ResponseFence'])
  })

  it('[LOGIN-27] [TEXT-11] refuses when nothing in the list is permitted', () => {
    expect(answers(['HeaderDigest=Y-foo'])).toContain('HeaderDigest')
    const withoutDigests = { ...PREFERENCES, connection: { ...PREFERENCES.connection, headerDigest: false } }
    expect(answers(['HeaderDigest=CRC32C'], withoutDigests)).toContain('None is')
  })
})

describe('other keys', () => {
  it('[KEY-29] [KEY-30] answers the obsolete markers', () => {
    expect(answers(['IFMarker=No', 'OFMarker=Yes', 'IFMarkInt=1~65535', 'OFMarkInt=2048'])).toEqual([
      'IFMarker=No',
      'OFMarker=No',
      'IFMarkInt=Reject',
      'OFMarkInt=Reject',
    ])
  })

  it('[TEXT-7] [TEXT-15] [KEY-31] answers unknown keys, and no declarations', () => {
    const offers = ['X-com.example.foo=1', 'Foo=1', 'headerdigest=None', 'X#NodeArchitecture=a', 'InitiatorAlias=b']
    const unknown = ['X-com.example.foo', 'Foo', 'headerdigest']
    expect(answers(offers)).toEqual(unknown.map((key) => `${key}=NotUnderstood`))
  })

  it('[KEY-12] takes the initiator’s MaxRecvDataSegmentLength without an answer', () => {
    expect(answers(['MaxRecvDataSegmentLength=512'])).toEqual([])
    expect(outcome(['MaxRecvDataSegmentLength=512'])).toMatchObject({
      connection: { initiatorMaxRecvDataSegmentLength: 512 },
    })
  })
})

describe('rules over several keys', () => {
  it('[TEXT-16] keeps the defaults of what was not offered', () => {
    expect(outcome([])).toEqual({ session: SESSION_PARAMETER_DEFAULTS, connection: CONNECTION_PARAMETER_DEFAULTS })
  })

  it('[TEXT-18] [KEY-15] lowers FirstBurstLength to MaxBurstLength, whichever comes first', () => {
    const offers = ['FirstBurstLength=65536', 'MaxBurstLength=4096']
    expect(answers(offers)).toEqual(['FirstBurstLength=4096', 'MaxBurstLength=4096'])
    expect(answers(offers.toReversed())).toEqual(['MaxBurstLength=4096', 'FirstBurstLength=4096'])
  })

  it('[TEXT-18] refuses a MaxBurstLength below the FirstBurstLength that was agreed before', () => {
    const bursts = [['FirstBurstLength=65536'], ['MaxBurstLength=4096']] as const
    expect(outcome(...bursts)).toMatchObject({ reason: 'FirstBurstLength=65536 exceeds MaxBurstLength=4096' })
    expect(outcome(['InitialR2T=Yes', 'ImmediateData=No'], ...bursts)).toMatchObject({
      session: { firstBurstLength: 4096 },
    })
  })

  it('[KEY-15] bounds an unoffered FirstBurstLength by MaxBurstLength', () => {
    expect(outcome(['MaxBurstLength=4096'])).toMatchObject({ session: { firstBurstLength: 4096 } })
  })

  it('agrees on everything that a complete target prefers', () => {
    const preferred = loginPreferences(LIMITS, { defaultTime2Wait: 2 })
    const offers = [
      'MaxConnections=16',
      'ErrorRecoveryLevel=2',
      'MaxOutstandingR2T=4',
      'TaskReporting=FastAbort,ResponseFence,RFC3720',
      'iSCSIProtocolLevel=2',
      'DefaultTime2Wait=0',
      'DefaultTime2Retain=60',
    ]
    expect(answers(offers, preferred)).toEqual([
      'MaxConnections=8',
      'ErrorRecoveryLevel=2',
      'MaxOutstandingR2T=1',
      'TaskReporting=FastAbort',
      'iSCSIProtocolLevel=2',
      'DefaultTime2Wait=2',
      'DefaultTime2Retain=20',
    ])
    expect(answers(['TaskReporting=ResponseFence,FastAbort,RFC3720'], preferred)).toEqual([
      'TaskReporting=ResponseFence',
    ])
  })

  it('[TEXT-18] allows several R2Ts with error recovery only out of order', () => {
    const recovering = preferring({ errorRecoveryLevel: 2, dataSequenceInOrder: false })
    const offers = ['MaxOutstandingR2T=8', 'ErrorRecoveryLevel=2']
    expect(answers(offers, recovering)).toEqual(['MaxOutstandingR2T=1', 'ErrorRecoveryLevel=2'])
    expect(answers([...offers, 'DataSequenceInOrder=No'], recovering)).toEqual([
      'MaxOutstandingR2T=8',
      'ErrorRecoveryLevel=2',
      'DataSequenceInOrder=No',
    ])
    const known = { maxOutstandingR2T: 8 }
    expect(answers(['ErrorRecoveryLevel=2'], recovering, 'Normal', known)).toEqual(['ErrorRecoveryLevel=0'])
  })

  it('[KEY-23] [KEY-24] answers with values in a discovery session: one connection, no recovery', () => {
    const offers = ['MaxConnections=4', 'ErrorRecoveryLevel=2', 'InitialR2T=No', 'MaxBurstLength=65536']
    const recovering = preferring({ errorRecoveryLevel: 2 })
    expect(answers(offers, recovering, 'Discovery')).toEqual([
      'MaxConnections=1',
      'ErrorRecoveryLevel=0',
      'InitialR2T=No',
      'MaxBurstLength=65536',
    ])
  })

  it('[KEY-16] [KEY-23] calls an inadmissible value irrelevant where its key is', () => {
    expect(answers(['MaxBurstLength=1'], PREFERENCES, 'Discovery')).toEqual(['MaxBurstLength=Irrelevant'])
    expect(answers(['FirstBurstLength=1', 'InitialR2T=Yes', 'ImmediateData=No'])).toContain(
      'FirstBurstLength=Irrelevant',
    )
    expect(answers(['FirstBurstLength=1', 'InitialR2T=Yes'])).toContain('FirstBurstLength=Reject')
  })
})

describe('for arbitrary offers', () => {
  const operational = [...KEY_TABLE.values()].filter(({ role }) => role.kind === 'negotiated').map(({ key }) => key)
  const value = fc.oneof(
    fc.constantFrom('Yes', 'No', 'None', 'CRC32C,None', 'RFC3720', '512~1024', '', 'Reject'),
    fc.nat().map(String),
    fc.constantFrom(0, 1, 2, 511, 512, 4096, 65_536, 2 ** 24 - 1, 2 ** 24).map(String),
    fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\0', '')),
  )
  const key = fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...operational) }, fc.stringMatching(/^X-[a-z]{1,9}$/))
  const offersOf = fc.uniqueArray(fc.record({ key, value }), { selector: (pair) => pair.key })
  const preferences = fc
    .record({
      initialR2T: fc.boolean(),
      immediateData: fc.boolean(),
      maxBurstLength: fc.integer({ min: 512, max: 2 ** 24 - 1 }),
      firstBurstLength: fc.integer({ min: 512, max: 2 ** 24 - 1 }),
      maxOutstandingR2T: fc.integer({ min: 1, max: 65_535 }),
      dataSequenceInOrder: fc.boolean(),
      errorRecoveryLevel: fc.constantFrom(0, 1, 2),
    })
    .map(preferring)
  const sessionType = fc.constantFrom<SessionType>('Normal', 'Discovery')

  it('answers each key once, in order, and the same again', () => {
    fc.assert(
      fc.property(offersOf, preferences, sessionType, (offers, preferred, type) => {
        const round = negotiate(offers, {}, preferred, type)
        expect(negotiate(offers, {}, preferred, type)).toEqual(round)
        if (!isRefusal(round))
          expect(round.answers.map((answer) => answer.key)).toEqual(offers.map((offer) => offer.key))
      }),
    )
  })

  it('reaches the same results in any order of the keys', () => {
    const shuffled = offersOf.chain((offers) =>
      fc.tuple(fc.constant(offers), fc.shuffledSubarray(offers, { minLength: offers.length })),
    )
    fc.assert(
      fc.property(shuffled, preferences, sessionType, ([offers, others], preferred, type) => {
        const round = negotiate(offers, {}, preferred, type)
        const other = negotiate(others, {}, preferred, type)
        expect(isRefusal(other)).toBe(isRefusal(round))
        if (!isRefusal(round) && !isRefusal(other)) expect(other.agreed).toEqual(round.agreed)
      }),
    )
  })

  it('[TEXT-18] [KEY-21] keeps to one R2T with error recovery in order, in whatever texts the keys come', () => {
    const offers = fc.record({
      ErrorRecoveryLevel: fc.constantFrom('0', '1', '2'),
      MaxOutstandingR2T: fc.constantFrom('1', '2', '65535'),
      DataSequenceInOrder: fc.constantFrom('Yes', 'No'),
    })
    const texts = fc.tuple(offers, fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 3, maxLength: 3 }))
    fc.assert(
      fc.property(texts, preferences, ([values, places], preferred) => {
        let known: AgreedParameters = {}
        const answered: Record<string, string> = {}
        for (let place = 0; place < 3; place++) {
          const inPlace = Object.entries(values).filter((_, index) => places[index] === place)
          const round = negotiate(
            inPlace.map(([name, text]) => ({ key: name, value: text })),
            known,
            preferred,
            'Normal',
          )
          if (isRefusal(round)) throw new Error(round.reason)
          for (const answer of round.answers) answered[answer.key] = answer.value
          known = round.agreed
        }
        const settled = settle(known)
        if (isRefusal(settled)) throw new Error(settled.reason)
        const { errorRecoveryLevel, maxOutstandingR2T, dataSequenceInOrder } = settled.session
        // What is in force is what was answered, or the default of what was not offered.
        expect(String(errorRecoveryLevel)).toBe(answered.ErrorRecoveryLevel ?? '0')
        expect(String(maxOutstandingR2T)).toBe(answered.MaxOutstandingR2T ?? '1')
        expect(dataSequenceInOrder).toBe((answered.DataSequenceInOrder ?? 'Yes') === 'Yes')
        if (errorRecoveryLevel > 0 && dataSequenceInOrder) expect(maxOutstandingR2T).toBe(1)
      }),
      { numRuns: 2000 },
    )
  })

  it('settles on values that keep the integrity rules and never exceed an offered minimum', () => {
    fc.assert(
      fc.property(fc.array(offersOf, { maxLength: 3 }), preferences, sessionType, (texts, preferred, type) => {
        let known: AgreedParameters = {}
        const seen = new Set<string>()
        for (const text of texts) {
          const offers = text.filter((pair) => !seen.has(pair.key))
          for (const pair of offers) seen.add(pair.key)
          const round = negotiate(offers, known, preferred, type)
          if (isRefusal(round)) return
          known = round.agreed
        }
        const settled = settle(known)
        if (isRefusal(settled)) return
        const { session } = settled
        expect(session.firstBurstLength).toBeLessThanOrEqual(session.maxBurstLength)
        const needsSingleR2T = session.errorRecoveryLevel > 0 && session.dataSequenceInOrder
        expect(needsSingleR2T && session.maxOutstandingR2T > 1).toBe(false)
      }),
    )
  })
})
