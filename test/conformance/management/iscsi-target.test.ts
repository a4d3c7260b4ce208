/** IVdsIscsiTarget: portal groups, secrets, deletion, and who is connected. */

import { beforeEach, describe, expect, it } from 'vitest'
import { fakeSession } from '../../support/fake-data-plane.ts'
import {
  hresultOf,
  INITIATOR,
  type PopulatedModel,
  populatedModel,
  SECRET,
  TARGET_NAME,
} from '../../support/populated-model.ts'

const OTHER_SECRET = Buffer.from('nmlkjihgfedcba')
const PORTAL_GROUPS_MAX = 3

let model: PopulatedModel
beforeEach(async () => {
  model = await populatedModel({ portalGroupsPerTargetMax: PORTAL_GROUPS_MAX })
})

const record = () => model.dataPlane.configuration!.targets.get(model.target.id)!

describe('CreatePortalGroup', () => {
  it('makes an empty group with the lowest free tag of its target', async () => {
    const { target } = model
    const create = async () => (await (await target.createPortalGroup()).wait()).output!
    const groups = [await create(), await create()]
    expect(target.queryPortalGroups().map((group) => group.getProperties().tag)).toEqual([1, 2, 3])
    expect(groups[0]!.queryAssociatedPortals()).toEqual([])
    await groups[0]!.delete()
    expect((await create()).getProperties().tag).toBe(2)
  })

  it('VDS_S_ALREADY_EXISTS with the oldest group at the limit, from the method and from Wait, without a notification', async () => {
    const { target, group, provider, management } = model
    for (let count = 1; count < PORTAL_GROUPS_MAX; count++) await target.createPortalGroup()
    const before = management.configuration
    const notified: unknown[] = []
    provider.advise((batch) => void notified.push(...batch))
    const job = await target.createPortalGroup()
    const { hresult, output } = await job.wait()
    expect([job.hresult, hresult, output?.id]).toEqual(['VDS_S_ALREADY_EXISTS', 'VDS_S_ALREADY_EXISTS', group.id])
    expect([management.configuration, notified]).toEqual([before, []])
  })
})

describe('Delete', () => {
  it('VDS_E_ASSOCIATED_LUNS_EXIST, then removes the target with its groups and their portals in them', async () => {
    const { target, lun, group, portal } = model
    expect(await hresultOf(() => target.delete())).toBe('VDS_E_ASSOCIATED_LUNS_EXIST')
    await lun.associateTargets(null)
    const job = await target.delete()
    expect((await job.wait()).hresult).toBe('S_OK')
    expect(await hresultOf(() => group.getProperties())).toBe('VDS_E_OBJECT_DELETED')
    expect(portal.queryAssociatedPortalGroups()).toEqual([])
    expect(job.origin.outputType).toBe('deleteTarget')
  })

  it('is committed when it returns, and done when its sessions are gone', async () => {
    const { freeTarget, dataPlane, subSystem } = model
    const gate = Promise.withResolvers<void>()
    dataPlane.applyGate = gate.promise
    const job = await freeTarget.delete()
    expect(subSystem.queryTargets()).toHaveLength(1)
    expect(job.queryStatus()).toEqual({ hresult: 'VDS_E_OPERATION_PENDING', percent: 0 })
    expect(await hresultOf(() => job.cancel())).toBe('VDS_E_CANCEL_TOO_LATE')
    gate.resolve()
    expect((await job.wait()).hresult).toBe('S_OK')
  })
})

describe('SetFriendlyName', () => {
  it('VDS_S_NAME_TRUNCATED for more than 255 bytes', async () => {
    expect(await model.target.setFriendlyName('a'.repeat(256))).toBe('VDS_S_NAME_TRUNCATED')
    expect(model.target.getProperties().friendlyName).toBe('a'.repeat(255))
  })

  it('E_INVALIDARG for control characters', async () => {
    expect(await hresultOf(() => model.target.setFriendlyName('a\nb'))).toBe('E_INVALIDARG')
  })
})

describe('SetSharedSecret', () => {
  it('sets what all initiators have to prove, and NULL or no bytes clear it', async () => {
    const { target } = model
    for (const none of [null, Buffer.alloc(0)]) {
      await target.setSharedSecret(SECRET)
      expect([target.getProperties().isChapEnabled, record().sharedSecret]).toEqual([true, SECRET])
      expect(target.queryChapSettings().hasSharedSecret).toBe(true)
      await target.setSharedSecret(none)
      expect([target.getProperties().isChapEnabled, record().sharedSecret]).toEqual([false, null])
    }
  })

  it('sets what one initiator has to prove under its name', async () => {
    const { target } = model
    await target.setSharedSecret(SECRET, INITIATOR.toUpperCase())
    expect(record().chapUsers).toEqual([{ user: INITIATOR, secret: SECRET, initiatorNames: [INITIATOR] }])
    expect(target.queryChapSettings().sharedSecretInitiators).toEqual([INITIATOR])
    await target.setSharedSecret(OTHER_SECRET, INITIATOR)
    expect(record().chapUsers.map(({ secret }) => secret)).toEqual([OTHER_SECRET])
    await target.setSharedSecret(null, INITIATOR)
    expect([record().chapUsers, target.getProperties().isChapEnabled]).toEqual([[], false])
    expect(await hresultOf(() => target.setSharedSecret(null, INITIATOR))).toBe('S_OK')
  })

  it.each([11, 256])('E_INVALIDARG for %i bytes', async (length) => {
    expect(await hresultOf(() => model.target.setSharedSecret(Buffer.alloc(length, 'x')))).toBe('E_INVALIDARG')
  })

  it('E_INVALIDARG for an initiator that has no name of one', async () => {
    expect(await hresultOf(() => model.target.setSharedSecret(SECRET, 'web01'))).toBe('E_INVALIDARG')
  })

  it('E_INVALIDARG for the secret that the target proves itself with, in either order', async () => {
    const { target } = model
    await target.rememberInitiatorSharedSecret(INITIATOR, SECRET)
    expect(await hresultOf(() => target.setSharedSecret(SECRET))).toBe('E_INVALIDARG')
    expect(await hresultOf(() => target.setSharedSecret(SECRET, INITIATOR))).toBe('E_INVALIDARG')
    await target.setSharedSecret(OTHER_SECRET)
    expect(await hresultOf(() => target.rememberInitiatorSharedSecret(INITIATOR, OTHER_SECRET))).toBe('E_INVALIDARG')
  })

  it('keeps bytes of its own', async () => {
    const given = Buffer.from(SECRET)
    await model.target.setSharedSecret(given)
    given.fill(0)
    expect(record().sharedSecret).toEqual(SECRET)
  })
})

describe('RememberInitiatorSharedSecret', () => {
  it('sets what the target proves to an initiator, which enables no CHAP by itself; NULL clears it', async () => {
    const { target } = model
    await target.rememberInitiatorSharedSecret(INITIATOR, SECRET)
    await target.rememberInitiatorSharedSecret(null, OTHER_SECRET, 'array')
    expect(record().rememberedSecrets).toEqual(
      new Map([
        [INITIATOR, { user: null, secret: SECRET }],
        ['*', { user: 'array', secret: OTHER_SECRET }],
      ]),
    )
    expect(target.getProperties().isChapEnabled).toBe(false)
    await target.rememberInitiatorSharedSecret(INITIATOR, null)
    expect(target.queryChapSettings().remembered).toEqual([{ initiatorName: '*', user: 'array' }])
  })

  it.each([11, 256])('E_INVALIDARG for %i bytes', async (length) => {
    const secret = Buffer.alloc(length, 'x')
    expect(await hresultOf(() => model.target.rememberInitiatorSharedSecret(INITIATOR, secret))).toBe('E_INVALIDARG')
  })
})

describe('further users', () => {
  it('log in from the initiators that are named, until they are removed', async () => {
    const { target } = model
    await target.setChapUser('anna', SECRET, [INITIATOR, INITIATOR])
    await target.setChapUser('bert', SECRET)
    expect(target.queryChapSettings().users).toEqual([
      { user: 'anna', initiatorNames: [INITIATOR] },
      { user: 'bert', initiatorNames: [] },
    ])
    await target.removeChapUser('anna')
    expect(record().chapUsers.map(({ user }) => user)).toEqual(['bert'])
    expect(await hresultOf(() => target.removeChapUser('anna'))).toBe('VDS_E_OBJECT_NOT_FOUND')
  })

  it.each(['', 'a\u0000b', 'x'.repeat(256)])('E_INVALIDARG for the user %j', async (user) => {
    expect(await hresultOf(() => model.target.setChapUser(user, SECRET))).toBe('E_INVALIDARG')
  })
})

describe('GetConnectedInitiators', () => {
  it('names each initiator with a session once', () => {
    const { target, freeTarget, dataPlane } = model
    dataPlane.sessionList = [
      fakeSession('1', 'iqn.a', target.id),
      fakeSession('2', 'iqn.b', target.id),
      fakeSession('3', 'iqn.a', target.id),
      fakeSession('4', 'iqn.c', freeTarget.id),
      fakeSession('5', 'iqn.d', null),
    ]
    expect(target.getConnectedInitiators()).toEqual(['iqn.a', 'iqn.b'])
  })
})

it('no query gives a secret away', async () => {
  const { target, subSystem } = model
  await target.setSharedSecret(SECRET)
  await target.setChapUser('anna', SECRET)
  await target.rememberInitiatorSharedSecret(INITIATOR, OTHER_SECRET)
  await subSystem.setDiscoveryUser('finder', SECRET)
  const answers = [
    target.getProperties(),
    target.queryChapSettings(),
    subSystem.getProperties(),
    subSystem.queryDiscoveryUsers(),
  ]
  const text = JSON.stringify(answers)
  expect(text).toContain(TARGET_NAME)
  for (const secret of [SECRET, OTHER_SECRET]) {
    for (const form of [secret.toString(), secret.toString('hex'), secret.toString('base64'), JSON.stringify(secret)]) {
      expect(text).not.toContain(form)
    }
  }
})
