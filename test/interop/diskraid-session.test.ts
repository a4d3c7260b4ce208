/**
 * The session in which an administrator gives one initiator a LUN, as a script of DiskRAID against a server as `npm start`
 * starts it, with a portal for managed targets; then libiscsi as that initiator, and as others.
 */

import { writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeWithTools } from '../support/describe-with-tools.ts'
import { type ManagedServer, startManagedServer } from '../support/managed-server.ts'
import { runTool, tryTool } from '../support/run-tool.ts'

const INITIATOR = 'iqn.1991-05.com.microsoft:web01'
const TARGET = 'iqn.2024-01.org.example:web01'
const SECRET = 'abcdefghijklmn'
const SIZE_BYTES = 20 * 2 ** 20

const SCRIPT = `select subsystem 0
create target name="web01" iscsiname=${TARGET}
select target 0
chap target set secret=${SECRET} initiator=${INITIATOR}
create tpgroup
select tpgroup 0
list tportals
add tpgroup tportal=0
create lun simple size=20MB
select lun 0
associate targets 0
unmask lun initiator=${INITIATOR}
select target 0
importtarget subsystem set target
`

interface Credentials {
  readonly user: string
  readonly secret: string
}

/** The environment in which libiscsi authenticates itself. */
const chap = ({ user, secret }: Credentials) => ({ LIBISCSI_CHAP_USERNAME: user, LIBISCSI_CHAP_PASSWORD: secret })

const RIGHT = { user: INITIATOR, secret: SECRET }
const OTHER = 'iqn.1991-05.com.microsoft:web02'

describeWithTools(['iscsi-ls', 'iscsi-inq', 'iscsi-readcapacity16'], 'an administrator session in DiskRAID', () => {
  let managed: ManagedServer
  let portal: { readonly host: string; readonly listeningPort: number }
  let printed = ''

  beforeAll(async () => {
    managed = await startManagedServer()
    await managed.done('portal', 'create', '127.0.0.1:0')
    portal = (await managed.json<(typeof portal)[]>('portal', 'list')).at(-1)!
    const script = `${managed.server.directory}/script.txt`
    writeFileSync(script, SCRIPT, { mode: 0o600 })
    printed = await managed.done('diskraid', '/s', script)
  })
  afterAll(() => managed[Symbol.asyncDispose]())

  const portalUrl = () => `iscsi://${portal.host}:${portal.listeningPort}`
  const lunUrl = (lun: number) => `${portalUrl()}/${TARGET}/${lun}`

  it('is understood from the first line to the last', () => {
    expect(printed).toMatch(new RegExp(`TPortal 0 +127\\.0\\.0\\.1:${portal.listeningPort} +Online`))
    expect(printed).toContain(`${TARGET} is now the import target of this computer.`)
  })

  it('lets the initiator see exactly that LUN', async () => {
    const env = chap(RIGHT)
    const discovered = await runTool('iscsi-ls', ['-i', INITIATOR, portalUrl()], { env })
    expect(discovered).toContain(`Target:${TARGET} Portal:${portal.host}:${portal.listeningPort},1\n`)
    const size = await runTool('iscsi-readcapacity16', ['-i', INITIATOR, '--size', lunUrl(0)], { env })
    expect(size).toBe(`${SIZE_BYTES}\n`)
    const data = await runTool('iscsi-inq', ['-i', INITIATOR, lunUrl(0)], { env })
    expect(data).toContain('Peripheral Qualifier:CONNECTED')
    for (const lun of [1, 2]) {
      const absent = await tryTool('iscsi-inq', ['-i', INITIATOR, lunUrl(lun)], { env })
      expect(absent.stdout + absent.stderr).toContain('LOGICAL_UNIT_NOT_SUPPORTED')
    }
  })

  it('hides the target from an initiator with another name', async () => {
    const discovered = await runTool('iscsi-ls', ['-i', OTHER, portalUrl()])
    expect(discovered).toContain(`Target:${managed.server.targetName} `)
    expect(discovered).not.toContain(TARGET)
  })

  it.each<[string, string, Credentials | null]>([
    ['another name', OTHER, null],
    ["another name and the initiator's secret", OTHER, RIGHT],
    ["another name as user, with the initiator's secret", OTHER, { ...RIGHT, user: OTHER }],
    ['the right name and a wrong secret', INITIATOR, { ...RIGHT, secret: 'abcdefghijklmo' }],
    ['the right name and no secret', INITIATOR, null],
  ])('lets nobody log in with %s', async (_what, name, credentials) => {
    const before = (await managed.json<unknown[]>('refusals', 'list')).length
    const env = credentials === null ? {} : chap(credentials)
    const { exitCode, stdout } = await tryTool('iscsi-inq', ['-i', name, lunUrl(0)], { env, timeoutMs: 10_000 })
    expect(exitCode).not.toBe(0)
    expect(stdout).not.toContain('Peripheral')
    const refusals = await managed.json<{ initiatorName: string }[]>('refusals', 'list')
    expect(refusals.length).toBeGreaterThan(before)
    expect(refusals.some(({ initiatorName }) => initiatorName === name)).toBe(true)
  })
})
