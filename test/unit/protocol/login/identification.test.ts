import { expect, it } from 'vitest'
import { findIdentityMismatch } from '../../../../protocol/login/identification.ts'
import type { LoginIdentity } from '../../../../protocol/login/login-machine.ts'

const LEADING: LoginIdentity = {
  sessionType: 'Normal',
  initiatorName: 'iqn.2026-11.example:initiator',
  initiatorAlias: '',
  target: { name: 'iqn.2026-11.example:disk', alias: '' },
  portalGroupTag: 1,
  chapUser: 'alice',
  isid: Buffer.alloc(6),
  tsih: 0,
  cid: 0,
  cmdSN: 1,
}

it('[SEC-19] a connection with the same identity may join', () => {
  expect(findIdentityMismatch(LEADING, { ...LEADING, tsih: 7, cid: 1, cmdSN: 9, initiatorAlias: 'x' })).toBeNull()
  const open = { ...LEADING, chapUser: null }
  expect(findIdentityMismatch(open, { ...open, tsih: 7, cid: 1 })).toBeNull()
})

it.each([
  ['another user', { chapUser: 'bob' }, /^CHAP_N: .*CHAP user "bob"/],
  ['no authentication', { chapUser: null }, /^CHAP_N: .*no CHAP/],
  ['another name', { initiatorName: 'iqn.2026-11.example:other' }, /^InitiatorName: "iqn.2026-11.example:other"/],
])('[SEC-19] a connection with %s fails to authenticate', (_what, changes, reason) => {
  const mismatch = findIdentityMismatch(LEADING, { ...LEADING, ...changes, tsih: 7, cid: 1 })
  expect(mismatch).toMatchObject({ statusClass: 2, statusDetail: 1, reason: expect.stringMatching(reason) })
})

it('[SEC-19] a connection with authentication cannot join a session without', () => {
  expect(findIdentityMismatch({ ...LEADING, chapUser: null }, LEADING)).toMatchObject({ statusDetail: 1 })
})
