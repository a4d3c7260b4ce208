import { writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { type ApiFixture, startApiFixture } from '../../../support/api-fixture.ts'
import { fakeSession } from '../../../support/fake-data-plane.ts'
import { commandsOf, runCommand } from '../../../support/run-command.ts'
import { openStoredManagement } from '../../../support/stored-management.ts'
import { type TemporaryDirectory, temporaryDirectory } from '../../../support/temporary-directory.ts'

const INITIATOR = 'iqn.1991-05.com.microsoft:web01'
const IQN = 'iqn.2024-01.org.example:web01'

type Run = ReturnType<typeof commandsOf>

async function withArray(
  work: (
    run: (line: string) => Promise<string>,
    api: ApiFixture,
    directory: TemporaryDirectory,
    raw: Run,
  ) => Promise<void>,
): Promise<void> {
  await using api = await startApiFixture()
  using directory = temporaryDirectory()
  const raw = commandsOf({ url: api.url, token: api.tokenOf('administrator') }, directory)
  const run = async (line: string) => {
    const { exitCode, stdout, stderr } = await raw(...line.split(' '))
    if (exitCode !== 0) throw new Error(`lunette ${line}: ${exitCode} ${stderr}`)
    return stdout
  }
  await work(run, api, directory, raw)
}

describe('the command line and the API', () => {
  it('take an administrator from nothing to a masked LUN behind CHAP', async () => {
    await withArray(async (run, { management, dataPlane }, directory) => {
      writeFileSync(directory.file('secret'), 'abcdefghijklmn\n', { mode: 0o600 })
      await run('portal create 127.0.0.1:3260')
      await run(`target create web01 --iscsi-name ${IQN}`)
      await run('portal-group create web01')
      await run('portal-group add web01,1 127.0.0.1:3260')
      await run(`target chap web01 set --initiator ${INITIATOR} --secret-file ${directory.file('secret')}`)
      await run('target chap web01 remember --secret-file /dev/null').catch((error: Error) =>
        expect(error.message).toContain('the file is empty'),
      )
      await run(`lun create data --size 1G --initiator ${INITIATOR} --network 10.0.0.0/8`)
      await run('lun associate data web01')
      await run('import-target set web01')
      const { luns, targets, portals, importTargets } = management.configuration
      const [[lunId, lun]] = [...luns] as [[string, NonNullable<ReturnType<typeof luns.get>>]]
      const [target] = [...targets.values()]
      expect(lun.unmask).toEqual({ initiators: [INITIATOR], networks: ['10.0.0.0/8'], readOnlyInitiators: [] })
      expect(target).toMatchObject({ iscsiName: IQN, friendlyName: 'web01', luns: new Map([[lunId, 0]]) })
      expect(target!.portalGroups).toMatchObject([{ tag: 1, portalIds: [...portals.keys()] }])
      expect(target!.chapUsers).toMatchObject([{ user: INITIATOR, secret: Buffer.from('abcdefghijklmn') }])
      expect(importTargets.get(hostname().toLowerCase())).toBe(target!.id)

      await run('lun extend data 1G')
      await run('lun shrink data 512M')
      expect(dataPlane.storage.get(lunId)).toBe(1.5 * 1024 ** 3)
      expect(await run('lun show data')).toMatch(/^Targets: +iqn\.2024-01\.org\.example:web01 as LUN 0$/m)
      expect(await run('target show web01')).toMatch(/^LUNs: +0: data$/m)
      expect(JSON.parse(await run('lun list --json'))).toMatchObject([{ id: lunId, sizeBytes: 1.5 * 1024 ** 3 }])
      await run('lun offline data')
      await run('portal offline 127.0.0.1:3260')
      expect([
        management.configuration.luns.get(lunId)!.status,
        [...management.configuration.portals.values()][0]!.status,
      ]).toEqual(['offline', 'offline'])
      expect(await run('audit list')).toMatch(/ Lun\.setStatus +\S+ +S_OK$/m)

      await run('lun dissociate data web01')
      await run('lun delete data')
      await run('target delete web01')
      await run('portal delete 127.0.0.1:3260')
      expect([
        management.configuration.luns.size,
        management.configuration.targets.size,
        dataPlane.storage.size,
      ]).toEqual([0, 0, 0])
    })
  })

  it('say by exit code what kind of refusal it was', async () => {
    await withArray(async (run, api, directory, raw) => {
      await run('target create web01')
      await run('lun create data --size 1G')
      await run('lun associate data web01')
      const codeOf = async (...args: string[]) => (await raw(...args)).exitCode
      expect(await codeOf('target', 'delete', 'web01')).toBe(5)
      expect(await codeOf('lun', 'show', 'none')).toBe(4)
      expect(await codeOf('lun', 'rename', 'data')).toBe(2)
      expect(await codeOf('lun', 'create', '--size', '4P')).toBe(5)
      const viewer = commandsOf({ url: api.url, token: api.tokenOf('viewer') }, directory)
      expect(await viewer('lun', 'delete', 'data')).toMatchObject({ exitCode: 6 })
      const stranger = commandsOf({ url: api.url, token: 'lun_unknown' }, directory)
      expect(await stranger('lun', 'list')).toMatchObject({ exitCode: 6 })
    })
  })

  it('list sessions, tokens, jobs and the array, and end and delete them', async () => {
    await withArray(async (run, { dataPlane, management }) => {
      await run('target create web01')
      const [targetId] = [...management.configuration.targets.keys()]
      dataPlane.sessionList = [fakeSession('s1', INITIATOR, targetId!)]
      expect(await run('session list --target web01')).toContain(INITIATOR)
      expect(await run('session show s1')).toContain(INITIATOR)
      await run('session end s1')
      expect(dataPlane.sessionList).toEqual([])
      await run('subsystem rename big')
      expect(await run('subsystem show')).toMatch(/^Name: +big$/m)
      expect(await run('token create backup --role viewer')).toMatch(/^lun_\S{43}$/m)
      const tokens = JSON.parse(await run('token list --json')) as { id: string; name: string }[]
      await run(`token delete ${tokens.find(({ name }) => name === 'backup')!.id}`)
      const [job] = JSON.parse(await run('job list --json')) as { id: string }[]
      expect(await run(`job wait ${job!.id}`)).toContain('has ended')
      expect(await run('refusals list')).toContain('Reason')
    })
  })

  it('plan, apply and export the whole', async () => {
    await withArray(async (run, { management }, directory, raw) => {
      writeFileSync(directory.file('web.secret'), 'abcdefghijklmn\n', { mode: 0o600 })
      writeFileSync(
        directory.file('san.yaml'),
        `luns: [{name: data, size: 1G}]\ntargets:\n  - iscsiName: ${IQN}\n    luns: [{name: data}]\n    chap: {sharedSecret: {secretFile: web.secret}}\n`,
      )
      const file = directory.file('san.yaml')
      expect((await raw('plan', '-f', file, '--check')).exitCode).toBe(7)
      expect(await run(`apply -f ${file} --yes`)).toMatch(/2 to create, 0 to change, 0 to delete\.\nApplied\.\n$/)
      expect([...management.configuration.targets.values()][0]!.sharedSecret).toEqual(Buffer.from('abcdefghijklmn'))
      expect((await raw('plan', '-f', file, '--check')).exitCode).toBe(0)
      await run(`export -f ${directory.file('out.yaml')}`)
      expect(await run(`plan -f ${directory.file('out.yaml')} --prune`)).toBe('Nothing differs.\n')
      expect(parse(await run('export')).targets[0].chap.sharedSecret).toEqual({ secret: 'unchanged' })
    })
  })

  it("run DiskRAID's typical session", async () => {
    await withArray(async (run, { management, subSystem }, directory) => {
      await subSystem.createPortal({ host: '127.0.0.1', port: 3260 })
      writeFileSync(
        directory.file('script.txt'),
        `select subsystem 0
create target name="web01" iscsiname=${IQN}
select target 0
chap target set secret=abcdefghijklmn initiator=${INITIATOR}
create tpgroup
select tpgroup 0
list tportals
add tpgroup tportal=0
create lun simple size=20GB
select lun 0
associate targets 0
unmask lun initiator=${INITIATOR}
detail lun verbose
select target 0
importtarget subsystem set target
importtarget subsystem
delete target noerr
`,
      )
      const said = await run(`diskraid /s ${directory.file('script.txt')}`)
      expect(said).toContain(`The import target of this computer is ${IQN}.`)
      expect(said).toContain('VDS_E_ASSOCIATED_LUNS_EXIST')
      const [lun] = [...management.configuration.luns.values()]
      const [target] = [...management.configuration.targets.values()]
      expect(lun!.unmask.initiators).toEqual([INITIATOR])
      expect(target!.luns).toEqual(new Map([[lun!.id, 0]]))
      expect(target!.chapUsers).toMatchObject([{ user: INITIATOR }])
      expect(target!.portalGroups[0]!.portalIds).toHaveLength(1)
    })
  })

  it('restore a backup of a server that is stopped', async () => {
    using directory = temporaryDirectory()
    {
      await using array = await openStoredManagement(directory.path)
      await array.subSystem.setFriendlyName('before')
      await array.provider.backup(directory.file('backup.db'))
      await array.subSystem.setFriendlyName('after')
    }
    const { exitCode, stdout } = await runCommand(['restore', directory.file('backup.db'), '--data', directory.path])
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining('what was there before is lunette.db.replaced-1')])
    await using restored = await openStoredManagement(directory.path)
    expect(restored.management.configuration.subSystem.friendlyName).toBe('before')
    expect(await runCommand(['restore', directory.file('none.db'), '--data', directory.path])).toMatchObject({
      exitCode: 1,
    })
  })
})

it.each([
  [['lun', 'create'], "required option '--size <SIZE>' not specified (see lunette lun create --help)"],
  [['lun', 'list', '--colour=red'], "unknown option '--colour' (see lunette lun list --help)"],
  [['--colour'], "unknown option '--colour' (see lunette --help)"],
])('what is wrong on the command line is said with the help for that command: %j', async (args, complaint) => {
  expect(await runCommand(args)).toEqual({ exitCode: 2, stdout: '', stderr: `lunette: ${complaint}\n` })
})
