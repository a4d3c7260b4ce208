import { describe, expect, it } from 'vitest'
import { answerSendTargets } from '../../../../protocol/discovery/send-targets.ts'
import type { DiscoveredTarget, TargetDirectory } from '../../../../protocol/target-directory.ts'
import { directoryWith, ENDPOINT, INITIATOR_NAME, textLines } from '../../../support/login-steps.ts'

const DISK = 'iqn.2026-11.example:disk'
const TAPE = 'iqn.2026-11.example:tape'
const TARGETS: readonly DiscoveredTarget[] = [
  {
    name: DISK,
    addresses: [
      { host: '192.0.2.1', port: 3260, portalGroupTag: 1 },
      { host: '2001:db8::1', port: 3261, portalGroupTag: 0 },
      { host: 'storage.example', port: 860, portalGroupTag: 65_535 },
      { host: 'fe80::1', port: 3260, portalGroupTag: 1 },
      { host: 'FEB0::1', port: 3260, portalGroupTag: 1 },
      { host: '2001:db8::2%eth0', port: 3260, portalGroupTag: 1 },
    ],
  },
  { name: TAPE, addresses: [{ host: '192.0.2.2', port: 3260, portalGroupTag: 2 }] },
]
const DISK_RECORD = [
  `TargetName=${DISK}`,
  'TargetAddress=192.0.2.1:3260,1',
  'TargetAddress=[2001:db8::1]:3261,0',
  'TargetAddress=storage.example:860,65535',
]
const TAPE_RECORD = [`TargetName=${TAPE}`, 'TargetAddress=192.0.2.2:3260,2']

function directory(targets = TARGETS): TargetDirectory {
  return { ...directoryWith({ kind: 'none' }), discover: (name) => (name === INITIATOR_NAME ? targets : []) }
}

const DISCOVERY = {
  sessionType: 'Discovery',
  initiatorName: INITIATOR_NAME,
  targetName: null,
  endpoint: ENDPOINT,
} as const
const NORMAL = { ...DISCOVERY, sessionType: 'Normal', targetName: DISK } as const

function answerTo(value: string, session: Parameters<typeof answerSendTargets>[1], from = directory()) {
  return textLines(answerSendTargets(value, session, from))
}

describe('SendTargets in a discovery session', () => {
  it('[DISC-8] [DISC-9] [DISC-10] [DISC-11] [DISC-13] [PORT-3] All lists each target with its usable addresses', () => {
    expect(answerTo('All', DISCOVERY)).toEqual([...DISK_RECORD, ...TAPE_RECORD])
  })

  it('[DISC-6] a name lists that target, in any spelling, and an unknown one nothing', () => {
    expect(answerTo(TAPE, DISCOVERY)).toEqual(TAPE_RECORD)
    expect(answerTo(TAPE.toUpperCase(), DISCOVERY)).toEqual(TAPE_RECORD)
    expect(answerTo('iqn.2026-11.example:other', DISCOVERY)).toEqual([])
    expect(answerTo('not a name', DISCOVERY)).toEqual([])
  })

  it('[DISC-7] nothing lists the target that it is logged in to', () => {
    expect(answerTo('', DISCOVERY)).toEqual([])
    expect(answerTo('', { ...DISCOVERY, targetName: TAPE })).toEqual(TAPE_RECORD)
  })

  it('[DISC-9] [DISC-12] tells an initiator nothing about targets that it may not see', () => {
    const stranger = { ...DISCOVERY, initiatorName: 'iqn.2026-11.example:stranger' }
    expect(answerTo('All', stranger)).toEqual([])
    expect(answerTo(DISK, stranger)).toEqual([])
  })

  it('[DISC-11] leaves out TargetAddress when no address is of use elsewhere', () => {
    const local = [{ name: TAPE, addresses: [{ host: 'fe80::1%1', port: 3260, portalGroupTag: 1 }] }]
    expect(answerTo('All', DISCOVERY, directory(local))).toEqual([`TargetName=${TAPE}`])
  })

  it('[DISC-11] leaves out TargetAddress for who came through TLS: every address would lead around it', () => {
    const endpoint = { ...ENDPOINT, tls: { clientNames: null } }
    expect(answerTo('All', { ...DISCOVERY, endpoint })).toEqual([`TargetName=${DISK}`, `TargetName=${TAPE}`])
    expect(answerTo('', { ...NORMAL, endpoint })).toEqual([`TargetName=${DISK}`])
  })
})

describe('SendTargets in a normal session', () => {
  it('[DISC-5] does not support All', () => {
    expect(answerTo('All', NORMAL)).toEqual([])
  })

  it('[DISC-7] lists its own target only, by name or without', () => {
    expect(answerTo('', NORMAL)).toEqual(DISK_RECORD)
    expect(answerTo(DISK, NORMAL)).toEqual(DISK_RECORD)
    expect(answerTo(TAPE, NORMAL)).toEqual([])
  })

  it('[DISC-7] names its own target also when discovery does not show it', () => {
    expect(answerTo('', NORMAL, directory([]))).toEqual([`TargetName=${DISK}`])
  })
})
