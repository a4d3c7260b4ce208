import { expect, it } from 'vitest'
import { describeWithTools } from '../support/describe-with-tools.ts'
import { type IsnsDaemon, startIsnsd } from '../support/isnsd.ts'
import { runTool, tryTool } from '../support/run-tool.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'

const HOST = 'iqn.2026-01.test:host'

const serveArgs = ({ port }: IsnsDaemon, ...more: string[]) => ['--size', '1M', '--isns', `127.0.0.1:${port}`, ...more]

/** The parts of the database that are about one kind of object. */
const objects = (database: string, type: string) =>
  database.split('--------------').filter((object) => object.includes(`type=<${type}>`))

const isRegistered = (name: string) => (database: string) =>
  objects(database, 'iSCSI Storage Node').some((node) => node.includes(`"${name}"`))

/** Resolves when the client has been told so often that it is registered. */
const untilRegistered = (server: ServerProcess, times = 1) =>
  expect
    .poll(() => server.output().split('"registered with the iSNS server"').length - 1, { timeout: 30_000 })
    .toBeGreaterThanOrEqual(times)

describeWithTools(['isnsd', 'isnsadm', 'iscsi-ls', 'iscsi-inq'], 'isnsd of open-isns', () => {
  it('[ISNS-4] [ISNS-8] [ISNS-13] has the target with its portal and portal group while the server runs, and nothing after its end', async () => {
    await using isnsd = await startIsnsd()
    await using server = await startServer({ args: serveArgs(isnsd) })
    await untilRegistered(server)
    const database = await isnsd.database()
    const [portal, ...otherPortals] = objects(database, 'Portal')
    expect(otherPortals).toEqual([])
    expect(portal).toContain('Portal IP address = 127.0.0.1\n')
    expect(portal).toContain(`Portal TCP/UDP port = ${server.port}/tcp\n`)
    expect(portal).toMatch(/ESI interval = \d+\n.*ESI port = \d+\/tcp\n.*SCN port = \d+\/tcp\n/)
    expect(objects(database, 'iSCSI Storage Node')[0]).toMatch(/iSCSI node type = Target\n.*iSCSI alias = "Lunette"\n/)
    expect(objects(database, 'iSCSI Portal Group')[0]).toContain('Portal group tag = 1\n')
    expect(await server.stop()).toEqual({ exitCode: 0, signal: null })
    expect(objects(await isnsd.database(), 'iSCSI Storage Node')).toEqual([])
  })

  it('[ISNS-9] has no portal of a server that was killed, once it has started again', async () => {
    await using isnsd = await startIsnsd()
    await using first = await startServer({ args: serveArgs(isnsd) })
    await untilRegistered(first)
    await first.kill()
    await using second = await startServer({ args: serveArgs(isnsd, '--target-name', first.targetName) })
    const ownPort = `Portal TCP/UDP port = ${second.port}/tcp\n`
    await untilRegistered(second)
    const database = await isnsd.database()
    expect(objects(database, 'Portal')).toEqual([expect.stringContaining(ownPort)])
    expect(isRegistered(first.targetName)(database)).toBe(true)
  })

  it.each([
    ['and has forgotten everything', true],
    ['and remembers', false],
  ])('has the target again after it was killed %s', async (_how, isForgetful) => {
    await using isnsd = await startIsnsd()
    await using server = await startServer({ args: serveArgs(isnsd) })
    await untilRegistered(server)
    await isnsd.restart(isForgetful)
    await untilRegistered(server, 2)
    expect(isRegistered(server.targetName)(await isnsd.database())).toBe(true)
    await server.stop()
    expect(objects(await isnsd.database(), 'iSCSI Storage Node')).toEqual([])
  })

  it('decides with its discovery domains who may see the target and log in', async () => {
    await using isnsd = await startIsnsd()
    await using server = await startServer({ args: serveArgs(isnsd, '--isns-domains') })
    await untilRegistered(server)
    await isnsd.administer(HOST, ['--register', 'initiator', 'portal=127.0.0.1:4000', 'entity=host'])
    expect(await runTool('iscsi-ls', ['-i', HOST, server.portalUrl])).toBe('')
    const refused = await tryTool('iscsi-inq', ['-i', HOST, server.url(0)])
    expect(refused.exitCode).not.toBe(0)
    expect(server.output()).toContain('is not for this initiator')

    const members = [server.targetName, HOST].map((name) => `member-name=${name}`)
    await isnsd.administer(null, ['--dd-register', 'dd-name=domain', ...members])
    const listed = async () => (await runTool('iscsi-ls', ['-i', HOST, server.portalUrl])).includes(server.targetName)
    await expect.poll(listed, { timeout: 30_000 }).toBe(true)
    expect(await runTool('iscsi-inq', ['-i', HOST, server.url(0)])).toContain('DIRECT_ACCESS')
    expect(await runTool('iscsi-ls', ['-i', `${HOST}2`, server.portalUrl])).toBe('')

    await isnsd.administer(HOST, ['--deregister', `iscsi-name=${HOST}`])
    await expect.poll(listed, { timeout: 30_000 }).toBe(false)
  })

  it('[ISNS-17] tells initiators of its discovery domain where the target is', async () => {
    await using isnsd = await startIsnsd()
    await using server = await startServer({ args: serveArgs(isnsd) })
    await untilRegistered(server)
    await isnsd.administer(HOST, ['--register', 'initiator', 'portal=127.0.0.1:4000', 'entity=host'])
    const query = () => isnsd.administer(HOST, ['--query', 'iscsi-node-type=target'])
    expect(await query()).not.toContain(server.targetName)
    const members = [server.targetName, HOST].map((name) => `member-name=${name}`)
    await isnsd.administer(null, ['--dd-register', 'dd-name=domain', ...members])
    expect(await query()).toContain(`iSCSI name = "${server.targetName}"`)
    const portals = await isnsd.administer(HOST, ['--query', `iscsi-name=${server.targetName}`])
    expect(portals).toContain(`Portal TCP/UDP port = ${server.port}/tcp`)
  })

  it('may be away: the disk is served all the same, and nobody is let in whose membership is not known', async () => {
    const isnsd = await startIsnsd()
    await isnsd[Symbol.asyncDispose]()
    await using open = await startServer({ args: serveArgs(isnsd) })
    expect(await runTool('iscsi-inq', [open.url(0)])).toContain('DIRECT_ACCESS')
    await expect.poll(() => open.output(), { timeout: 30_000 }).toContain('ECONNREFUSED')
    await using restricted = await startServer({ args: serveArgs(isnsd, '--isns-domains') })
    expect(await runTool('iscsi-ls', [restricted.portalUrl])).toBe('')
    expect(await open.stop()).toEqual({ exitCode: 0, signal: null })
    expect(await restricted.stop()).toEqual({ exitCode: 0, signal: null })
  })
})
