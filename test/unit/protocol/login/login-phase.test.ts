import { describe, expect, it } from 'vitest'
import { refuse } from '../../../../protocol/login/login-status.ts'
import { CONNECTION_PARAMETER_DEFAULTS, SESSION_PARAMETER_DEFAULTS } from '../../../../protocol/login/parameters.ts'
import {
  directoryWith,
  INITIATOR_NAME,
  NAMES,
  PREFERENCES,
  startLogin,
  TARGET_NAME,
} from '../../../support/login-steps.ts'

const SECURITY = 0
const OPERATIONAL = 1
const FULL_FEATURE = 3
const DECLARATION = 'MaxRecvDataSegmentLength=262144'

const text = (...lines: readonly string[]) => Buffer.from(lines.map((line) => `${line}\0`).join(''))

describe('a login without authentication', () => {
  it('[LOGIN-7] [LOGIN-23] [LOGIN-26] completes in one request at the operational stage', () => {
    const login = startLogin()
    const reply = login.send(OPERATIONAL, FULL_FEATURE, NAMES)
    expect(reply).toMatchObject({
      outcome: 'complete',
      status: 0,
      isTransit: true,
      currentStage: 1,
      nextStage: 3,
      tsih: 0x1234,
    })
    expect(reply.pairs).toEqual(['TargetPortalGroupTag=7', DECLARATION])
    expect(reply.agreement).toEqual({
      identity: {
        sessionType: 'Normal',
        initiatorName: INITIATOR_NAME,
        initiatorAlias: '',
        target: { name: TARGET_NAME, alias: '' },
        portalGroupTag: 7,
        chapUser: null,
        isid: Buffer.from('00023d000001', 'hex'),
        tsih: 0,
        cid: 0,
        cmdSN: 123,
      },
      session: SESSION_PARAMETER_DEFAULTS,
      connection: { ...CONNECTION_PARAMETER_DEFAULTS, targetMaxRecvDataSegmentLength: 262_144 },
    })
    expect(login.admitted).toEqual([reply.agreement])
  })

  it('[TEXT-6] remembers of an alias what a local name may have', () => {
    const reply = startLogin().send(OPERATIONAL, FULL_FEATURE, [...NAMES, `InitiatorAlias=${'a'.repeat(300)}`])
    expect(reply.agreement?.identity.initiatorAlias).toBe('a'.repeat(255))
  })

  it('[LOGIN-14] goes through both stages', () => {
    const login = startLogin()
    const first = login.send(SECURITY, OPERATIONAL, [...NAMES, 'SessionType=Normal', 'AuthMethod=None'])
    expect(first).toMatchObject({ outcome: 'continue', isTransit: true, currentStage: 0, nextStage: 1, tsih: 0 })
    expect(first.pairs).toEqual(['TargetPortalGroupTag=7', 'AuthMethod=None'])
    const second = login.send(OPERATIONAL, FULL_FEATURE, ['InitialR2T=No'])
    expect(second).toMatchObject({ outcome: 'complete', tsih: 0x1234 })
    expect(second.pairs).toEqual(['InitialR2T=No', DECLARATION])
  })

  it('[LOGIN-35] goes from security straight to full feature phase, with our default segment length', () => {
    const reply = startLogin().send(SECURITY, FULL_FEATURE, [
      `InitiatorName=${INITIATOR_NAME}`,
      'SessionType=Discovery',
    ])
    expect(reply).toMatchObject({ outcome: 'complete', tsih: 0x1234, isTransit: true, nextStage: 3 })
    expect(reply.agreement).toMatchObject({
      identity: { sessionType: 'Discovery', target: null },
      connection: { targetMaxRecvDataSegmentLength: 8192 },
    })
  })

  it('[LOGIN-34] skips security without AuthMethod, and answers only what was offered', () => {
    const reply = startLogin().send(SECURITY, OPERATIONAL, NAMES)
    expect(reply.pairs).toEqual(['TargetPortalGroupTag=7'])
    expect(reply.isTransit).toBe(true)
  })

  it.each(['None', 'CHAP,None', 'KRB5,None,CHAP'])('[SEC-3] answers AuthMethod=%s with None', (offered) => {
    const reply = startLogin().send(SECURITY, OPERATIONAL, [...NAMES, `AuthMethod=${offered}`])
    expect(reply.pairs).toContain('AuthMethod=None')
  })

  it('[LOGIN-15] [LOGIN-32] waits for T through ten requests, and declares its segment length once', () => {
    const login = startLogin()
    const first = login.send(OPERATIONAL, null, NAMES)
    expect(first).toMatchObject({ isTransit: false, nextStage: 0, outcome: 'continue' })
    expect(first.pairs).toContain(DECLARATION)
    for (let index = 0; index < 8; index++) {
      expect(login.send(OPERATIONAL, null, [`X-${index}=1`]).pairs).toEqual([`X-${index}=NotUnderstood`])
    }
    expect(login.send(OPERATIONAL, FULL_FEATURE, [])).toMatchObject({ outcome: 'complete', pairs: [] })
  })

  it('[KEY-6] tells its alias to normal sessions only', () => {
    const directory = directoryWith({ kind: 'none' }, 'Database disk')
    const normal = startLogin({ directory }).send(SECURITY, OPERATIONAL, NAMES)
    expect(normal.pairs).toEqual(['TargetPortalGroupTag=7', 'TargetAlias=Database disk'])
    const discovery = startLogin({ directory }).send(SECURITY, OPERATIONAL, [...NAMES, 'SessionType=Discovery'])
    expect(discovery.pairs).toEqual(['TargetPortalGroupTag=7'])
  })

  it('[KEY-7] takes the initiator’s alias in either stage', () => {
    for (const stage of [SECURITY, OPERATIONAL]) {
      const reply = startLogin().send(stage, FULL_FEATURE, [...NAMES, 'InitiatorAlias=Web Server 4'])
      expect(reply.agreement?.identity.initiatorAlias).toBe('Web Server 4')
    }
  })

  it('[NAME-7] compares names in their prepared form', () => {
    const reply = startLogin().send(OPERATIONAL, FULL_FEATURE, [
      `InitiatorName=${INITIATOR_NAME.toUpperCase()}`,
      `TargetName=${TARGET_NAME.toUpperCase()}`,
    ])
    expect(reply.agreement?.identity).toMatchObject({ initiatorName: INITIATOR_NAME, target: { name: TARGET_NAME } })
  })

  it('[TEXT-7] answers unknown keys in either stage', () => {
    const login = startLogin()
    expect(login.send(SECURITY, OPERATIONAL, [...NAMES, 'Foo=1']).pairs).toContain('Foo=NotUnderstood')
    expect(login.send(OPERATIONAL, FULL_FEATURE, ['X-bar=1']).pairs).toContain('X-bar=NotUnderstood')
  })

  it('[KEY-24] settles a discovery session on one connection and no recovery', () => {
    const preferences = { ...PREFERENCES, session: { ...PREFERENCES.session, errorRecoveryLevel: 2 as const } }
    const pairs = [
      `InitiatorName=${INITIATOR_NAME}`,
      'SessionType=Discovery',
      'MaxConnections=4',
      'ErrorRecoveryLevel=2',
    ]
    const { agreement } = startLogin({ preferences }).send(OPERATIONAL, FULL_FEATURE, pairs)
    expect(agreement?.session).toMatchObject({ maxConnections: 1, errorRecoveryLevel: 0 })
  })
})

describe('refusals of names and targets', () => {
  it.each([
    [[], 0x0207, 'InitiatorName is missing'],
    [[`TargetName=${TARGET_NAME}`], 0x0207, 'InitiatorName is missing'],
    [[`InitiatorName=${INITIATOR_NAME}`], 0x0207, 'TargetName is missing'],
    [[`InitiatorName=`, `TargetName=${TARGET_NAME}`], 0x0200, 'InitiatorName'],
    [[`InitiatorName=${'x'.repeat(224)}`, `TargetName=${TARGET_NAME}`], 0x0200, '223'],
    [[`InitiatorName=${INITIATOR_NAME}`, 'TargetName=iqn.2026-11.example:other'], 0x0203, 'does not exist'],
    [[...NAMES, 'SessionType=foo'], 0x0200, 'SessionType'],
  ])('[LOGIN-9] [LOGIN-10] [LOGIN-11] [KEY-22] %j gives status %i', (pairs, status, reason) => {
    const login = startLogin()
    const reply = login.send(OPERATIONAL, FULL_FEATURE, pairs)
    expect(reply).toMatchObject({ outcome: 'refused', status, isTransit: false, pairs: [] })
    expect(reply.refusal?.reason).toContain(reason)
    expect(login.admitted).toEqual([])
  })

  it.each([
    ['forbidden', 0x0202],
    ['notFound', 0x0203],
    ['removed', 0x0204],
  ] as const)('[LOGIN-11] a target that is %s gives status %i', (kind, status) => {
    const directory = { ...directoryWith({ kind: 'none' }), findTarget: () => ({ kind }) }
    for (const session of [[], ['SessionType=Discovery']]) {
      expect(startLogin({ directory }).send(SECURITY, OPERATIONAL, [...NAMES, ...session]).status).toBe(status)
    }
  })

  it.each([
    ['is taken away', 0x0203, { kind: 'notFound' }],
    ['is for somebody else', 0x0202, { kind: 'forbidden' }],
    ['is in another group', 0x0203, { kind: 'found', target: { name: TARGET_NAME, alias: '' }, portalGroupTag: 8 }],
  ] as const)('[LOGIN-11] a target that %s while the login is under way gives status %i', (_title, status, later) => {
    const before = directoryWith({ kind: 'none' })
    let hasChanged = false
    const findTarget: typeof before.findTarget = (...asked) => (hasChanged ? later : before.findTarget(...asked))
    const login = startLogin({ directory: { ...before, findTarget } })
    expect(login.send(SECURITY, OPERATIONAL, NAMES).status).toBe(0)
    hasChanged = true
    expect(login.send(OPERATIONAL, FULL_FEATURE, []).status).toBe(status)
    expect(login.admitted).toEqual([])
  })

  it('[LOGIN-10] wants the target’s name on a later connection too', () => {
    const reply = startLogin().send(SECURITY, OPERATIONAL, [`InitiatorName=${INITIATOR_NAME}`], { tsih: 9 })
    expect(reply.status).toBe(0x0207)
  })

  it('[LOGIN-11] passes on why the session layer refuses', () => {
    const admit = () => refuse('tooManyConnections', 'one is enough')
    const reply = startLogin({ admit }).send(OPERATIONAL, FULL_FEATURE, NAMES)
    expect(reply).toMatchObject({
      outcome: 'refused',
      status: 0x0206,
      isTransit: false,
      refusal: { reason: 'one is enough' },
    })
  })
})

describe('header rules', () => {
  it('[LOGIN-8] supports version 0 only', () => {
    const refused = startLogin().send(OPERATIONAL, FULL_FEATURE, NAMES, { versionMin: 1, versionMax: 1 })
    expect(refused).toMatchObject({ status: 0x0205, versionActive: 0 })
    const accepted = startLogin().send(OPERATIONAL, FULL_FEATURE, NAMES, { versionMax: 5 })
    expect(accepted).toMatchObject({ outcome: 'complete', versionMax: 0, versionActive: 0 })
  })

  it.each([
    ['ISID', { isid: Buffer.alloc(6, 1) }],
    ['TSIH', { tsih: 1 }],
    ['CID', { cid: 1 }],
    ['Initiator Task Tag', { initiatorTaskTag: 2 }],
    ['Version-max', { versionMax: 1 }],
    ['Version-min', { versionMin: 1 }],
  ])('[LOGIN-6] refuses a changed %s', (field, change) => {
    const login = startLogin()
    login.send(SECURITY, null, NAMES)
    const reply = login.send(SECURITY, OPERATIONAL, [], change)
    expect(reply.status).toBe(0x0200)
    expect(reply.refusal?.reason).toContain(field)
  })

  it.each([
    [2, null],
    [3, null],
    [SECURITY, SECURITY],
    [SECURITY, 2],
    [OPERATIONAL, SECURITY],
    [OPERATIONAL, OPERATIONAL],
  ])('[LOGIN-13] [LOGIN-14] refuses to start with CSG %d and NSG %s', (currentStage, nextStage) => {
    expect(startLogin().send(currentStage, nextStage, NAMES).status).toBe(0x0200)
  })

  it('[LOGIN-14] never goes back, nor ahead of the agreed move', () => {
    const back = startLogin()
    back.send(OPERATIONAL, null, NAMES)
    expect(back.send(SECURITY, null, []).status).toBe(0x0200)
    const ahead = startLogin()
    ahead.send(SECURITY, null, NAMES)
    expect(ahead.send(OPERATIONAL, null, []).status).toBe(0x0200)
    const behind = startLogin()
    behind.send(SECURITY, OPERATIONAL, NAMES)
    expect(behind.send(SECURITY, OPERATIONAL, []).status).toBe(0x0200)
  })

  it('bounds the number of requests', () => {
    const login = startLogin({ preferences: { ...PREFERENCES, exchangesMax: 2 } })
    login.send(OPERATIONAL, null, NAMES)
    login.send(OPERATIONAL, null, [])
    expect(login.send(OPERATIONAL, null, [])).toMatchObject({ outcome: 'refused', status: 0x0200 })
  })

  it('bounds the number of keys', () => {
    const unknown = Array.from({ length: 2000 }, (_, index) => `k${index}=`)
    const reply = startLogin().send(OPERATIONAL, null, [...NAMES, ...unknown])
    expect(reply).toMatchObject({ outcome: 'refused', status: 0x0200 })
    expect(reply.refusal?.reason).toContain('at most 1024 keys')
  })

  it('[LOGIN-2] is over after its end', () => {
    const login = startLogin()
    login.send(OPERATIONAL, FULL_FEATURE, NAMES)
    expect(login.send(OPERATIONAL, FULL_FEATURE, NAMES)).toMatchObject({ outcome: 'refused', status: 0x020b })
    expect(login.admitted).toHaveLength(1)
  })
})

describe('text over several PDUs', () => {
  it('[LOGIN-18] [TEXT-1] acts on the joined text, cut at any byte', () => {
    const whole = text(...NAMES, 'InitialR2T=No')
    for (let cut = 0; cut <= whole.length; cut++) {
      const login = startLogin()
      const partial = { isContinued: true, text: whole.subarray(0, cut) }
      expect(login.send(OPERATIONAL, null, [], partial)).toMatchObject({
        isTransit: false,
        pairs: [],
        outcome: 'continue',
      })
      const reply = login.send(OPERATIONAL, FULL_FEATURE, [], { text: whole.subarray(cut) })
      expect(reply).toMatchObject({ outcome: 'complete' })
      expect(reply.pairs).toEqual(['TargetPortalGroupTag=7', 'InitialR2T=No', DECLARATION])
    }
  })

  it('[LOGIN-17] refuses C together with T', () => {
    expect(startLogin().send(OPERATIONAL, FULL_FEATURE, NAMES, { isContinued: true }).status).toBe(0x0200)
  })

  it('[LOGIN-36] takes 8192 bytes over several requests, up to its limit', () => {
    const chunk = text(`X-com.example.${'k'.repeat(40)}=${'v'.repeat(8000)}`)
    const login = startLogin()
    login.send(OPERATIONAL, null, [], { isContinued: true, text: text(...NAMES) })
    login.send(OPERATIONAL, null, [], { isContinued: true, text: chunk })
    expect(login.send(OPERATIONAL, FULL_FEATURE, [])).toMatchObject({ outcome: 'complete' })
    const endless = startLogin()
    const sent = [1, 2, 3].map(() => endless.send(OPERATIONAL, null, [], { isContinued: true, text: chunk }))
    expect(sent.map(({ outcome }) => outcome)).toEqual(['continue', 'continue', 'refused'])
    expect(sent[2]?.refusal?.reason).toContain('16384')
  })

  it('[LOGIN-19] sends an answer that does not fit with the C bit, and moves on with its last part', () => {
    const keys = Array.from({ length: 600 }, (_, index) => `X-${index}=`)
    const login = startLogin()
    const first = login.send(OPERATIONAL, FULL_FEATURE, [...NAMES, ...keys])
    expect(first).toMatchObject({ isContinued: true, isTransit: false, nextStage: 0, outcome: 'continue' })
    expect(first.text).toHaveLength(8192)
    const second = login.send(OPERATIONAL, FULL_FEATURE, [])
    expect(second).toMatchObject({ isContinued: false, isTransit: true, outcome: 'complete' })
    expect(second.pairs).toHaveLength(602)
  })

  it('[LOGIN-19] refuses text before its own was fetched', () => {
    const keys = Array.from({ length: 600 }, (_, index) => `X-${index}=`)
    const login = startLogin()
    login.send(OPERATIONAL, null, [...NAMES, ...keys])
    expect(login.send(OPERATIONAL, null, ['InitialR2T=No']).status).toBe(0x0200)
  })
})

describe('key rules', () => {
  it.each([
    ['LOGIN-25', SECURITY, ['HeaderDigest=None']],
    ['LOGIN-25', SECURITY, ['MaxRecvDataSegmentLength=8192']],
    ['LOGIN-25', OPERATIONAL, ['AuthMethod=None']],
    ['LOGIN-25', OPERATIONAL, ['CHAP_A=5']],
    ['LOGIN-24', OPERATIONAL, ['MaxBurstLength=65536', 'MaxBurstLength=65536']],
    ['LOGIN-24', OPERATIONAL, ['X-a=1', 'X-a=1']],
    ['KEY-5', OPERATIONAL, [`InitiatorName=${INITIATOR_NAME}`]],
    ['KEY-4', OPERATIONAL, ['SendTargets=All']],
    ['KEY-6', OPERATIONAL, ['TargetAlias=disk']],
    ['KEY-8', OPERATIONAL, ['TargetAddress=127.0.0.1']],
    ['KEY-9', SECURITY, ['TargetPortalGroupTag=1']],
    ['KEY-12', OPERATIONAL, ['MaxRecvDataSegmentLength=511']],
    ['KEY-12', OPERATIONAL, ['MaxRecvDataSegmentLength=16777216']],
    ['KEY-12', OPERATIONAL, ['MaxRecvDataSegmentLength=lots']],
    ['KEY-31', OPERATIONAL, [`X#NodeArchitecture=${'a'.repeat(256)}`]],
    ['TEXT-9', OPERATIONAL, ['MaxBurstLength=Irrelevant']],
    ['TEXT-9', OPERATIONAL, ['HeaderDigest=Reject']],
    ['TEXT-9', OPERATIONAL, ['X-a=NotUnderstood']],
    ['TEXT-2', OPERATIONAL, ['ImmediateData=yes']],
    ['TEXT-3', OPERATIONAL, ['ImmediateData']],
    ['LOGIN-27', OPERATIONAL, ['HeaderDigest=Y-foo']],
    ['SEC-4', SECURITY, ['CHAP_A=5']],
    ['SEC-4', SECURITY, ['AuthMethod=None', 'CHAP_A=5']],
  ])('[%s] stage %i: %j is refused as an initiator error that names the key', (_id, stage, pairs) => {
    const reply = startLogin().send(stage, FULL_FEATURE, [...NAMES, ...pairs])
    expect(reply).toMatchObject({ outcome: 'refused', status: 0x0200 })
    expect(reply.refusal?.reason).toContain(pairs.at(-1)!.split('=')[0])
  })

  it.each([
    ['LOGIN-24', ['MaxBurstLength=65536'], ['MaxBurstLength=65536']],
    ['KEY-5', [], [`InitiatorName=${INITIATOR_NAME}`]],
    ['KEY-4', [], [`TargetName=${TARGET_NAME}`]],
    ['KEY-22', [], ['SessionType=Normal']],
    ['TEXT-18', ['FirstBurstLength=65536'], ['MaxBurstLength=512']],
  ])('[%s] after %j, %j is refused', (_id, first, second) => {
    const login = startLogin()
    expect(login.send(OPERATIONAL, null, [...NAMES, ...first]).outcome).toBe('continue')
    expect(login.send(OPERATIONAL, FULL_FEATURE, second)).toMatchObject({ outcome: 'refused', status: 0x0200 })
    expect(login.admitted).toEqual([])
  })

  it.each(['MaxBurstLength=65536', 'InitialR2T=No', 'MaxConnections=2', 'SessionType=Discovery'])(
    '[LOGIN-37] refuses %s on a later connection',
    (pair) => {
      const reply = startLogin().send(OPERATIONAL, FULL_FEATURE, [...NAMES, pair], { tsih: 9, cid: 1 })
      expect(reply).toMatchObject({ status: 0x0200, refusal: { reason: expect.stringContaining('first connection') } })
    },
  )

  it('[LOGIN-37] negotiates what belongs to the connection on a later one', () => {
    const pairs = [...NAMES, 'SessionType=Normal', 'HeaderDigest=CRC32C', 'MaxRecvDataSegmentLength=65536']
    const reply = startLogin().send(OPERATIONAL, FULL_FEATURE, pairs, { tsih: 9, cid: 1 })
    expect(reply.agreement).toMatchObject({
      identity: { tsih: 9, cid: 1 },
      session: SESSION_PARAMETER_DEFAULTS,
      connection: { headerDigest: true, initiatorMaxRecvDataSegmentLength: 65_536 },
    })
  })
})
