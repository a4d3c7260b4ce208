import { describe, expect, it } from 'vitest'
import { ADMINISTRATOR, startManagement } from '../../../support/management-fixture.ts'

const WEB01 = 'iqn.1991-05.com.microsoft:web01'

describe('the object model', () => {
  it('goes through the session of an administrator', async () => {
    const { provider, subSystem, dataPlane, store } = await startManagement()
    const portal = await subSystem.createPortal({ host: '127.0.0.1', port: 3260 })
    const { output: target } = await (await subSystem.createTarget('iqn.2024-01.org.example:web01', 'web01')).wait()
    await target!.setSharedSecret(Buffer.from('abcdefghijklmn'), WEB01)
    const { output: group } = await (await target!.createPortalGroup()).wait()
    await (await group!.addPortal(portal.id)).wait()
    const { output: lun } = await (await subSystem.createLun({ sizeBytes: 20 * 2 ** 30 })).wait()
    await lun!.associateTargets([target!.id])
    await lun!.setMask(WEB01)
    await subSystem.setImportTarget(target!.getProperties().iscsiName)

    expect(subSystem.getImportTarget()).toBe('iqn.2024-01.org.example:web01')
    expect(lun!.getProperties()).toMatchObject({ sizeBytes: 20 * 2 ** 30, unmaskingList: WEB01, status: 'online' })
    expect(target!.queryLunNumbers().map(({ number, lun: { id } }) => [number, id])).toEqual([[0, lun!.id]])
    expect(group!.getProperties().tag).toBe(1)
    expect(target!.queryChapSettings().sharedSecretInitiators).toEqual([WEB01])
    expect(dataPlane.configuration).toBe(store.stored)
    expect(provider.auditLog({ limit: 1 })).toMatchObject([
      { actor: ADMINISTRATOR, method: 'SubSystem.setImportTarget', hresult: 'S_OK' },
    ])
  })
})
