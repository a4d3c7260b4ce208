/** The object model over the live data plane: what an administrator does is what initiators find. */

import { pino } from 'pino'
import { expect, it } from 'vitest'
import { LiveDataPlane } from '../../../src/data-plane/live-data-plane.ts'
import { LIMITS } from '../../../src/limits.ts'
import { Management } from '../../../src/management/management.ts'
import { Store } from '../../../src/store/store.ts'
import { ADMINISTRATOR } from '../../support/management-fixture.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { loginWithChap } from '../../support/wire-chap.ts'
import { WireInitiator } from '../../support/wire-initiator.ts'
import { clearUnitAttentions, execute, read10, testUnitReady, write10 } from '../../support/wire-scsi.ts'

const MIB = 2 ** 20
const [ME, OTHER] = ['iqn.2026-01.test:me', 'iqn.2026-01.test:other']
const SECRET = 'twelve bytes and more'

async function startArray(dataDirectory: string) {
  const store = new Store(dataDirectory)
  const dataPlane = new LiveDataPlane({
    dataDirectory,
    savedStateOf: (id) => store.savedStateOf({ guid: id }),
    limits: { ...LIMITS, logoutRequestTimeoutMs: 100, closeTimeoutMs: 500 },
    log: pino({ level: 'silent' }),
  })
  const management = new Management({ store: store.configurationStore(100), dataPlane })
  await management.start()
  return {
    dataPlane,
    subSystem: management.as(ADMINISTRATOR).subSystem,
    async [Symbol.asyncDispose]() {
      await management.close()
      await dataPlane.drain(500)
      store.close()
    },
  }
}

it('a masked LUN behind CHAP is there for its initiator alone, live and after a restart', async () => {
  using directory = temporaryDirectory()
  const initiators: WireInitiator[] = []
  async function connect(array: Awaited<ReturnType<typeof startArray>>, targetName: string, initiatorName: string) {
    const [portal] = array.subSystem.queryPortals()
    const { port } = array.dataPlane.portalState(portal!.id)
    const initiator = await WireInitiator.connect({ host: '127.0.0.1', port: port!, targetName, initiatorName })
    initiators.push(initiator)
    return initiator
  }
  async function logIn(array: Awaited<ReturnType<typeof startArray>>, name: string) {
    const initiator = await connect(array, name, ME)
    await loginWithChap(initiator, { user: ME, secret: SECRET })
    await clearUnitAttentions(initiator)
    return initiator
  }
  let name: string
  {
    await using array = await startArray(directory.path)
    const { subSystem } = array
    const portal = await subSystem.createPortal({ host: '127.0.0.1', port: 0 })
    const target = (await (await subSystem.createTarget(null, 'a disk')).wait()).output!
    name = target.getProperties().iscsiName
    const group = (await (await target.createPortalGroup()).wait()).output!
    await (await group.addPortal(portal.id)).wait()
    await target.setSharedSecret(Buffer.from(SECRET), ME)
    const lun = (await (await subSystem.createLun({ sizeBytes: 4 * MIB, unmaskingList: ME })).wait()).output!
    await lun.associateTargets([target.id])

    const stranger = await connect(array, name, OTHER)
    expect(await stranger.refusedLogin({ keys: stranger.names() })).toBe(0x0202)
    expect(array.dataPlane.loginRefusals()).toMatchObject([{ initiatorName: OTHER, targetName: name }])
    const initiator = await logIn(array, name)
    await execute(initiator, { cdb: write10(8000, 1), writeData: Buffer.alloc(512, 5) })
    expect(target.getConnectedInitiators()).toEqual([ME])
    await (await lun.extend(4 * MIB)).wait()
    expect((await execute(initiator, { cdb: testUnitReady() })).sense?.code).toBe(0x2a09)
    await lun.setMask('')
    expect((await execute(initiator, { cdb: testUnitReady() })).sense?.code).toBe(0x2500)
    await lun.setMask(`${ME};${OTHER}`)
    await clearUnitAttentions(initiator)
  }
  for (const initiator of initiators) initiator.destroy()
  await using array = await startArray(directory.path)
  const initiator = await logIn(array, name)
  expect((await execute(initiator, { cdb: read10(8000, 1), readBytes: 512 })).data[0]).toBe(5)
  const [lun] = array.subSystem.queryLuns()
  await lun!.delete()
  expect((await execute(initiator, { cdb: testUnitReady() })).sense?.code).toBe(0x2500)
  const [target] = array.subSystem.queryTargets()
  await (await target!.delete()).wait()
  expect((await initiator.readUntilClosed()).map((pdu) => pdu.byte(36))).toEqual([1, 3])
  initiator.destroy()
})
