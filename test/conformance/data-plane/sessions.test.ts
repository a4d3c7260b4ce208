/** What management sees of sessions and refused logins, and that it can end them. */

import { describe, expect, it } from 'vitest'
import type { DataPlaneEvent } from '../../../src/management/data-plane.ts'
import { iscsiNameOf, LiveArray, lunRecord, targetRecord } from '../../support/live-array.ts'
import { execute, read10, write10 } from '../../support/wire-scsi.ts'

const ME = 'iqn.2026-01.test:me'

const start = () =>
  LiveArray.start({
    luns: [
      lunRecord('a'),
      lunRecord('b'),
      lunRecord('hidden', { unmask: { initiators: [], networks: [], readOnlyInitiators: [] } }),
    ],
    targets: [targetRecord('t', { 3: ['p1'] }, { 0: 'a', 5: 'b', 6: 'hidden' })],
  })

describe('a session', () => {
  it('is listed with its initiator, its connection, what it negotiated, its LUNs and what it moved', async () => {
    await using array = await start()
    const isid = Buffer.from('80000000abcd', 'hex')
    const keys = { InitiatorAlias: 'my host', MaxBurstLength: '65536', HeaderDigest: 'CRC32C' }
    const initiator = await array.login('t', 'p1', { initiatorName: ME, isid }, keys)
    for (const lun of [0, 5]) {
      await execute(initiator, { cdb: Buffer.alloc(6), lun })
      await execute(initiator, { cdb: write10(0, 2), lun, writeData: Buffer.alloc(1024, 1) })
    }
    await execute(initiator, { cdb: read10(0, 8), lun: 5, readBytes: 4096 })
    const [session, ...others] = array.dataPlane.sessions()
    expect(others).toEqual([])
    expect(session).toMatchObject({
      kind: 'normal',
      initiatorName: ME,
      initiatorAlias: 'my host',
      isid: '80000000abcd',
      tsih: initiator.tsih,
      targetId: 't',
      portalGroupTag: 3,
      chapUser: null,
      connections: [
        {
          cid: 0,
          localAddress: '127.0.0.1',
          remoteAddress: '127.0.0.1',
          portalId: 'p1',
          hasTls: false,
          headerDigest: 'CRC32C',
          dataDigest: 'None',
        },
      ],
      parameters: { MaxBurstLength: '65536', InitialR2T: 'Yes', iSCSIProtocolLevel: '1' },
      counters: { readCommands: 1, readBytes: 4096, writeCommands: 2, writtenBytes: 2048 },
    })
    expect(session!.luns).toEqual(
      new Map([
        [0, 'a'],
        [5, 'b'],
      ]),
    )
    const [metrics] = [...array.dataPlane.logicalUnits()].filter(({ id }) => id === 'b')
    expect(metrics).toMatchObject({ statistics: { readBytes: 4096 }, queueDepth: 0 })
    expect(array.dataPlane.lunState('b').counters).toMatchObject({ readBytes: 4096, writtenBytes: 1024 })
  })

  it('of the discovery kind belongs to no target', async () => {
    await using array = await start()
    await array.login('t', 'p1', {}, { SessionType: 'Discovery' })
    expect(array.dataPlane.sessions()).toMatchObject([
      { kind: 'discovery', targetId: null, portalGroupTag: null, luns: new Map() },
    ])
  })

  it('of the discovery kind ends when those who ask for targets have to prove who they are', async () => {
    await using array = await start()
    const asking = await array.login('t', 'p1', {}, { SessionType: 'Discovery' })
    const using = await array.login('t')
    const discoveryUsers = [{ user: 'finder', secret: Buffer.from('a secret of 16 B'), initiatorNames: [] }]
    await array.apply({ subSystem: { discoveryUsers } })
    await asking.readUntilClosed()
    expect(array.dataPlane.sessions()).toMatchObject([{ kind: 'normal' }])
    await using.logout()
  })

  it('of the discovery kind stays while nobody has to prove anything, also where its initiator has a secret', async () => {
    await using array = await start()
    const { targets } = array.objects
    const sharedSecret = Buffer.from('a secret of 16 B')
    await array.apply({ targets: [...targets, targetRecord('secured', { 3: ['p1'] }, {}, { sharedSecret })] })
    const asking = await array.login('t', 'p1', {}, { SessionType: 'Discovery' })
    await array.changeLun('b', { status: 'offline' })
    await asking.ping()
    expect(array.dataPlane.sessions()).toMatchObject([{ kind: 'discovery', chapUser: null }])
  })

  it('can be ended, which leaves the others alone', async () => {
    await using array = await start()
    const [leaving, staying] = [await array.login('t'), await array.login('t')]
    const { id } = array.dataPlane.sessions()[0]!
    expect(await array.dataPlane.endSession(id)).toBe(true)
    expect((await leaving.readUntilClosed()).map((pdu) => pdu.byte(36))).toEqual([1, 3])
    await staying.ping()
    expect(await array.dataPlane.endSession(id)).toBe(false)
    expect(array.dataPlane.sessions()).toHaveLength(1)
  })
})

describe('a refused login', () => {
  it('is remembered with who wanted what and why', async () => {
    await using array = await start()
    const stranger = await array.connect('unknown', 'p1', { initiatorName: ME })
    await stranger.refusedLogin({ keys: stranger.names() })
    const nobody = await array.connect('t')
    await nobody.refusedLogin({ keys: { TargetName: iscsiNameOf('t') } })
    const [unknown, nameless] = array.dataPlane.loginRefusals()
    expect(unknown).toMatchObject({
      initiatorName: ME,
      targetName: iscsiNameOf('unknown'),
      remoteAddress: '127.0.0.1',
      status: 0x0203,
      reason: expect.stringContaining('does not exist here'),
    })
    expect(nameless).toMatchObject({ initiatorName: null, targetName: iscsiNameOf('t'), status: 0x0207 })
  })

  it('pushes out the oldest when there are too many', async () => {
    await using array = await start()
    for (let count = 0; count < 260; count++) {
      const stranger = await array.connect(`unknown-${count}`)
      await stranger.refusedLogin({ keys: stranger.names() })
    }
    const refusals = array.dataPlane.loginRefusals()
    expect(refusals).toHaveLength(256)
    expect(refusals[0]!.targetName).toBe(iscsiNameOf('unknown-4'))
  })
})

describe('who subscribes', () => {
  it('hears of sessions, refused logins and states, until it has heard enough', async () => {
    await using array = await start()
    const events: DataPlaneEvent[] = []
    const unsubscribe = array.dataPlane.subscribe((event) => {
      events.push(event)
      throw new Error('a listener that fails disturbs nobody')
    })
    const initiator = await array.login('t')
    await initiator.logout()
    const stranger = await array.connect('unknown')
    await stranger.refusedLogin({ keys: stranger.names() })
    await array.changeLun('a', { status: 'offline' })
    await array.apply({ portals: [] })
    expect(events.map((event) => ('id' in event ? `${event.kind} ${event.id}` : event.kind))).toEqual([
      'sessionBegan',
      'sessionEnded',
      'loginRefused',
      'lunState a',
    ])
    unsubscribe()
    await array.changeLun('a', { status: 'online' })
    expect(events).toHaveLength(4)
  })
})
