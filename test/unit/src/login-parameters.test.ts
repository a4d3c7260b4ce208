import { describe, expect, it } from 'vitest'
import { LIMITS, loginPreferences } from '../../../src/limits.ts'
import { describeAdmitted, formatParameter, PARAMETER_KEYS, parseParameter } from '../../../src/login-parameters.ts'

describe('parseParameter', () => {
  it.each([
    ['MaxConnections=4', 'maxConnections', 4],
    ['ErrorRecoveryLevel=2', 'errorRecoveryLevel', 2],
    ['InitialR2T=Yes', 'initialR2T', true],
    ['ImmediateData=No', 'immediateData', false],
    ['MaxBurstLength=0x40000', 'maxBurstLength', 262_144],
    ['FirstBurstLength=512', 'firstBurstLength', 512],
    ['MaxRecvDataSegmentLength=16777215', 'targetMaxRecvDataSegmentLength', 16_777_215],
    ['MaxOutstandingR2T=65535', 'maxOutstandingR2T', 65_535],
    ['DefaultTime2Wait=0', 'defaultTime2Wait', 0],
    ['DefaultTime2Retain=3600', 'defaultTime2Retain', 3600],
    ['HeaderDigest=None', 'headerDigest', false],
    ['DataDigest=CRC32C', 'dataDigest', true],
    ['TaskReporting=FastAbort', 'taskReporting', 'FastAbort'],
    ['iSCSIProtocolLevel=2', 'iSCSIProtocolLevel', 2],
    ['DataPDUInOrder=Yes', 'dataPDUInOrder', true],
  ])('reads %s', (text, name, value) => {
    expect(parseParameter(text)).toMatchObject({ kind: 'parameter', name, value })
  })

  it.each([
    ['', 'names no key of the negotiation: lunette limits lists them'],
    ['SendTargets=All', 'names no key'],
    ['TargetName=x', 'names no key'],
    ['AuthMethod=CHAP', 'names no key'],
    ['maxconnections=1', 'names no key of the negotiation (did you mean MaxConnections?)'],
    ['MaxConnections', 'has no value: write MaxConnections=VALUE, with a number from 1 to 65535'],
    ['MaxConnections=0', 'allowed is a number from 1 to 65535'],
    ['ErrorRecoveryLevel=3', 'allowed is a number from 0 to 2'],
    ['MaxBurstLength=511', 'allowed is a number from 512 to 16777215'],
    ['MaxBurstLength=1M', 'allowed is a number from 512 to 16777215'],
    ['DefaultTime2Wait=3601', 'allowed is a number from 0 to 3600'],
    ['InitialR2T=yes', 'allowed is Yes or No'],
    ['HeaderDigest=crc32c', 'allowed is None or CRC32C'],
    ['TaskReporting=Fast', 'allowed is RFC3720 or ResponseFence or FastAbort'],
    ['DataSequenceInOrder=No', 'allowed is Yes'],
    ['iSCSIProtocolLevel=3', 'allowed is a number from 0 to 2'],
  ])('refuses "%s" and says what is allowed', (text, reason) => {
    expect(parseParameter(text)).toEqual({ kind: 'invalid', reason: expect.stringContaining(reason) })
  })
})

describe('the preferences', () => {
  const flat = ({ session, connection }: ReturnType<typeof loginPreferences>) => ({ ...session, ...connection })

  it.each(PARAMETER_KEYS)('have for %s a value that may be asked for', (key) => {
    const preferred = flat(loginPreferences(LIMITS))
    const parsed = parseParameter(`${key}=${formatParameter(key, preferred)}`)
    if (parsed.kind === 'invalid') throw new Error(parsed.reason)
    expect(preferred[parsed.name]).toBe(parsed.value)
    expect(describeAdmitted(key)).not.toBe('')
  })

  it('can each be asked for', () => {
    const names = PARAMETER_KEYS.map((key) => {
      const parsed = parseParameter(`${key}=${formatParameter(key, flat(loginPreferences(LIMITS)))}`)
      return parsed.kind === 'parameter' ? parsed.name : null
    })
    expect(names.sort()).toEqual(Object.keys(flat(loginPreferences(LIMITS))).sort())
  })

  it('take what is wanted, and keep the first burst within the burst', () => {
    const { session, connection } = loginPreferences(LIMITS, { maxBurstLength: 4096, headerDigest: false })
    expect(session).toMatchObject({ maxBurstLength: 4096, firstBurstLength: 4096 })
    expect(connection).toMatchObject({ headerDigest: false, dataDigest: true })
  })
})
