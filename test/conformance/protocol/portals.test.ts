/** Portals, portal groups and the addresses that initiators are told: RFC 7143 4.4.1, 13.8, 13.9 and appendix C. */

import { networkInterfaces } from 'node:os'
import { beforeAll, describe, expect, it } from 'vitest'
import { useTarget, type WireFixture } from '../../support/wire-fixture.ts'
import type { WireInitiator } from '../../support/wire-initiator.ts'
import { NO_TAG, OPCODE } from '../../support/wire-pdu.ts'
import { execute } from '../../support/wire-scsi.ts'
import { decodeTextPairs } from '../../support/wire-text.ts'

/** Without IPv6 on this machine there is nothing to listen at. */
const hasIPv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
)

interface OtherPortal {
  readonly host: string
  readonly port: number
  readonly portalGroupTag: number
}

let addedCount = 0

/** Listen at one more address, and announce it as `announced`. */
async function addPortal({ target }: WireFixture, host: string, portalGroupTag: number, announced = host) {
  const id = `${portalGroupTag} at ${announced} ${addedCount++}`
  const port = await target.node.openPortal({ id, host, port: 0 })
  target.directory.addPortal({ host: announced, port, portalGroupTag })
  return { host, port, portalGroupTag }
}

async function addressesToldTo(initiator: WireInitiator): Promise<string[]> {
  const response = await initiator.expect(OPCODE.TEXT_RESPONSE, await initiator.sendText({ SendTargets: 'All' }))
  const [name, ...addresses] = decodeTextPairs(response.data)
  expect(name).toEqual(['TargetName', initiator.options.targetName])
  expect(addresses.map(([key]) => key)).toEqual(addresses.map(() => 'TargetAddress'))
  return addresses.map(([, value]) => value)
}

/** The target port's designators of VPD page 83h: relative target port identifier, and SCSI name string. */
async function targetPort(initiator: WireInitiator) {
  const { data } = await execute(initiator, { cdb: Buffer.from('120183040000', 'hex'), readBytes: 1024 })
  let relative = -1
  let name = ''
  for (let at = 4; at < 4 + data.readUInt16BE(2); at += 4 + data.readUInt8(at + 3)) {
    const designator = data.subarray(at + 4, at + 4 + data.readUInt8(at + 3))
    const isOfTargetPort = (data.readUInt8(at + 1) & 0x30) === 0x10
    const type = data.readUInt8(at + 1) & 0x0f
    if (isOfTargetPort && type === 4) relative = designator.readUInt16BE(2)
    if (isOfTargetPort && type === 8) name = designator.toString().replace(/\0+$/, '')
  }
  return { relative, name }
}

describe('a target with several portals and groups', () => {
  const fixture = useTarget({ portalGroupTag: 1 })
  let portals: readonly OtherPortal[] = []

  beforeAll(async () => {
    const { host, port } = fixture.target
    portals = [
      { host, port, portalGroupTag: 1 },
      await addPortal(fixture, '127.0.0.2', 1),
      await addPortal(fixture, '127.0.0.3', 0),
      await addPortal(fixture, '127.0.0.3', 65_534),
    ]
  })

  it('[PORT-2] [DISC-1] [DISC-9] [DISC-10] [DISC-11] lists all of all groups with their tags, on each', async () => {
    for (const { host, port } of portals) {
      const initiator = await fixture.discover({}, { host, port })
      expect(await addressesToldTo(initiator)).toEqual(
        portals.map((portal) => `${portal.host}:${portal.port},${portal.portalGroupTag}`),
      )
    }
  })

  it('[LOGIN-23] [KEY-9] [PORT-2] says in a login which group the portal is in', async () => {
    for (const { host, port, portalGroupTag } of portals) {
      const initiator = await fixture.connect({ host, port })
      const { responses } = await initiator.login()
      expect(responses[0]!.data.toString()).toContain(`TargetPortalGroupTag=${portalGroupTag}\0`)
    }
  })

  it('[PORT-7] negotiates alike on every portal', async () => {
    const offers = { MaxConnections: '4', MaxBurstLength: '65536', ImmediateData: 'Yes', ErrorRecoveryLevel: '2' }
    const results = new Set<string>()
    for (const { host, port } of portals) {
      const { keys } = await (await fixture.connect({ host, port })).login(offers)
      results.add(JSON.stringify({ ...keys, TargetPortalGroupTag: '' }))
    }
    expect(results.size).toBe(1)
  })

  it('[PORT-6] lets no session span two groups', async () => {
    const [leadingPortal, , otherGroup] = portals
    const leading = await fixture.connect(leadingPortal)
    await leading.login({ MaxConnections: '4' })
    const second = await fixture.connect({ ...otherGroup, isid: leading.isid })
    const keys = { InitiatorName: second.initiatorName, TargetName: fixture.target.targetName }
    const status = await second.refusedLogin({ keys, tsih: leading.tsih, cid: 1 })
    expect(status).toBeOneOf([0x0208, 0x020a])
    await leading.ping()
  })

  it.each([
    [0, 1, '0x0001'],
    [2, 65_535, '0x0000'],
    [3, 65_534, '0xfffe'],
  ])('names portal %i to SCSI as target port %i', async (index, relative, tag) => {
    const { host, port } = portals[index]!
    const initiator = await fixture.open({}, { host, port })
    expect(await targetPort(initiator)).toEqual({ relative, name: `${fixture.target.targetName},t,${tag}` })
  })
})

describe.runIf(hasIPv6)('a target with IPv6 portals', () => {
  const fixture = useTarget()

  it('[PORT-3] [KEY-8] [DISC-13] writes their addresses in brackets, and the one that was reached for a wildcard', async () => {
    const explicit = await addPortal(fixture, '::1', 2)
    // What listens on [::1] alone stands for one that listens everywhere: nothing here listens beyond this machine.
    const wildcard = await addPortal(fixture, '::1', 3, '::')
    const told = [`127.0.0.1:${fixture.target.port},1`, `[::1]:${explicit.port},2`, `[::1]:${wildcard.port},3`]
    for (const { host, port } of [explicit, wildcard]) {
      const initiator = await fixture.discover({}, { host, port })
      expect(await addressesToldTo(initiator)).toEqual(told)
      await (await fixture.open({}, { host, port })).ping()
    }
  })
})

describe('a target with hundreds of portals', () => {
  const fixture = useTarget()
  const COUNT = 500

  beforeAll(() => {
    const { directory } = fixture.target
    for (let port = 1; port < COUNT; port++) directory.addPortal({ host: '127.0.0.9', port, portalGroupTag: 9 })
  })

  it('[TEXT-22] tells of them in pieces that the initiator asks for', async () => {
    const initiator = await fixture.discover({ MaxRecvDataSegmentLength: '512' })
    const itt = await initiator.sendText({ SendTargets: 'All' })
    const pieces: Buffer[] = []
    let response = await initiator.expect(OPCODE.TEXT_RESPONSE, itt)
    while (!response.isFinal) {
      pieces.push(response.data)
      expect(response.data.length).toBeLessThanOrEqual(512)
      expect(response.ttt).not.toBe(NO_TAG)
      const endsPair = response.data.at(-1) === 0
      // C says that a pair is cut; without it the text so far is whole.
      if (!endsPair) expect(response.byte(1) & 0x40).toBe(0x40)
      const lun = response.header.subarray(8, 16)
      const alterHeader = (bhs: Buffer) => void lun.copy(bhs, 8)
      await initiator.sendText({}, { itt, words: { 20: response.ttt }, alterHeader })
      response = await initiator.expect(OPCODE.TEXT_RESPONSE, itt)
    }
    expect(response.ttt).toBe(NO_TAG)
    expect(pieces.length).toBeGreaterThan(10)
    const pairs = decodeTextPairs(Buffer.concat([...pieces, response.data]))
    expect(pairs).toHaveLength(COUNT + 1)
    expect(new Set(pairs.map(([, value]) => value)).size).toBe(COUNT + 1)
  })
})
