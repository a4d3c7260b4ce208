import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createFullFeatureText } from '../../../../protocol/login/full-feature-text.ts'
import type { SessionType } from '../../../../protocol/login/parameters.ts'
import {
  directoryWith,
  ENDPOINT,
  INITIATOR_NAME,
  PREFERENCES,
  TARGET_NAME,
  textLines,
} from '../../../support/login-steps.ts'

const DIRECTORY = directoryWith({ kind: 'none' })

function startSequence(sessionType: SessionType = 'Normal') {
  const targetName = sessionType === 'Normal' ? TARGET_NAME : null
  return createFullFeatureText(
    { sessionType, initiatorName: INITIATOR_NAME, targetName, endpoint: ENDPOINT },
    DIRECTORY,
    PREFERENCES.keysMax,
  )
}

/** One text of `lines`; the answer's lines, or the reason of a protocol error. */
function ask(sequence: ReturnType<typeof startSequence>, ...lines: readonly string[]): readonly string[] | string {
  const answer = sequence.step(Buffer.from(lines.map((line) => `${line}\0`).join('')))
  return answer.kind === 'answer' ? textLines(answer.text) : answer.reason
}

const RECORD = [`TargetName=${TARGET_NAME}`, 'TargetAddress=127.0.0.1:3260,7']

describe('text in a normal session', () => {
  it('[KEY-13] [TEXT-17] declares MaxRecvDataSegmentLength, for the caller to put into effect', () => {
    const sequence = startSequence()
    expect(ask(sequence, 'MaxRecvDataSegmentLength=512')).toEqual([])
    expect(sequence.declared()).toEqual({ initiatorMaxRecvDataSegmentLength: 512 })
  })

  it('[KEY-7] takes a new alias', () => {
    const sequence = startSequence()
    expect(ask(sequence, 'InitiatorAlias=Web Server 4')).toEqual([])
    expect(sequence.declared()).toEqual({ initiatorAlias: 'Web Server 4' })
  })

  it('answers nothing with nothing, and unknown keys', () => {
    expect(ask(startSequence())).toEqual([])
    expect(ask(startSequence(), 'X-a=1', 'Foo=2')).toEqual(['X-a=NotUnderstood', 'Foo=NotUnderstood'])
  })

  it.each(['HeaderDigest=None', 'MaxBurstLength=65536', 'AuthMethod=None', 'IFMarker=No', 'InitiatorName=iqn.x'])(
    '[LOGIN-37] refuses %s, which belongs to login',
    (pair) => {
      expect(ask(startSequence(), pair)).toContain('during login only')
    },
  )

  it.each([
    ['MaxRecvDataSegmentLength=511', '512 to 16777215'],
    ['MaxRecvDataSegmentLength=Reject', 'not a proposal'],
    ['TargetAlias=disk', 'for targets to send'],
    ['bad', 'has no "="'],
  ])('refuses %s', (pair, reason) => {
    const sequence = startSequence()
    expect(ask(sequence, pair)).toContain(reason)
    expect(sequence.declared()).toEqual({})
  })

  it('[TEXT-27] refuses a key twice in one sequence, also over several texts', () => {
    const twice = 'MaxRecvDataSegmentLength=512'
    expect(ask(startSequence(), twice, twice)).toContain('a second time')
    const sequence = startSequence()
    ask(sequence, twice)
    expect(ask(sequence, twice)).toContain('a second time')
  })

  it('[DISC-4] [DISC-5] [DISC-7] answers SendTargets alone, about its own target', () => {
    expect(ask(startSequence(), 'SendTargets=')).toEqual(RECORD)
    expect(ask(startSequence(), 'SendTargets=All')).toEqual([])
    expect(ask(startSequence(), 'SendTargets=', 'InitiatorAlias=a')).toContain('not the only key')
  })
})

it('bounds the number of keys over all texts of a sequence', () => {
  const sequence = startSequence()
  const send = (round: number) => ask(sequence, ...Array.from({ length: 512 }, (_, index) => `k${round}.${index}=`))
  expect([send(0).length, send(1).length]).toEqual([512, 512])
  expect(send(2)).toContain('at most 1024 keys')
})

describe('text in a discovery session', () => {
  it('[DISC-2] takes SendTargets and nothing else', () => {
    expect(ask(startSequence('Discovery'), 'SendTargets=All')).toEqual(RECORD)
    for (const pairs of [['MaxRecvDataSegmentLength=512'], ['X-a=1'], []]) {
      expect(ask(startSequence('Discovery'), ...pairs)).toContain('may only send SendTargets')
    }
  })

  it('goes on with an empty text once SendTargets was sent', () => {
    const sequence = startSequence('Discovery')
    ask(sequence, 'SendTargets=All')
    expect(ask(sequence)).toEqual([])
  })
})

it('answers arbitrary bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.constantFrom<SessionType>('Normal', 'Discovery'), (bytes, sessionType) => {
      expect(['answer', 'protocolError']).toContain(startSequence(sessionType).step(Buffer.from(bytes)).kind)
    }),
  )
})
