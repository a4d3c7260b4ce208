import { writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { describe, expect, it } from 'vitest'
import { doneJob, type FakeAnswers, startFakeApi } from '../../../../support/fake-api.ts'
import { commandsOf } from '../../../../support/run-command.ts'
import { temporaryDirectory } from '../../../../support/temporary-directory.ts'

const INITIATOR = 'iqn.1991-05.com.microsoft:web01'
const IQN = 'iqn.2024-01.org.example:web01'

const ADMIN_SESSION = `select subsystem 0
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
select target 0
importtarget subsystem set target
`

const lun = {
  id: 'l1',
  friendlyName: '',
  status: 'online',
  sizeBytes: 20 * 1024 ** 3,
  serialNumber: 'S1',
  mask: { initiators: ['iqn.old'], networks: ['10.0.0.0/8'], readOnlyInitiators: [] },
  targets: [{ targetId: 't1', lun: 0 }],
}
const group = { id: 'g1', targetId: 't1', tag: 1, portalIds: ['p1'] }
const target = { id: 't1', iscsiName: IQN, friendlyName: 'web01', isChapEnabled: true, portalGroups: [group] }
const portal = { id: 'p1', host: '127.0.0.1', port: 3260, status: 'online', listeningPort: 3260 }
const HOST = encodeURIComponent(hostname().toLowerCase())

/** An array that is empty until something is made. */
function array(): FakeAnswers {
  const made = { luns: [] as unknown[], targets: [] as unknown[], groups: [] as unknown[] }
  const make = (list: unknown[], object: unknown) => () => {
    list.push(object)
    return doneJob(object)
  }
  return {
    'GET /provider': { body: { id: 'provider' } },
    'GET /subsystem': { body: { id: 'sub', friendlyName: 'san', status: 'online', identification: 'SN' } },
    'GET /subsystem/max-lun-size?type=simple': { body: { sizeBytes: 4096 } },
    'GET /luns': () => ({ body: made.luns }),
    'GET /luns/l1': { body: lun, headers: { etag: '"3"' } },
    'GET /luns/l1/targets': { body: [], headers: { etag: '"4"' } },
    'GET /targets': () => ({ body: made.targets }),
    'GET /targets/t1': { body: target },
    'GET /targets/t1/luns': { body: [lun] },
    'GET /targets/t1/portal-groups': () => ({ body: made.groups }),
    'GET /portals': { body: [portal] },
    [`GET /import-targets/${HOST}`]: { status: 404, body: { detail: 'none is set', name: 'VDS_E_NO_IMPORT_TARGET' } },
    'POST /targets': make(made.targets, target),
    'POST /targets/t1/portal-groups': make(made.groups, group),
    'POST /luns': make(made.luns, lun),
    'DELETE /luns/l1': () => {
      made.luns.pop()
      return { status: 204 }
    },
    'DELETE /targets/t1': { status: 409, body: { detail: 'LUNs are associated', name: 'VDS_E_ASSOCIATED_LUNS_EXIST' } },
    [`PUT /targets/t1/shared-secrets/${encodeURIComponent(INITIATOR)}`]: { status: 204 },
    'DELETE /targets/t1/shared-secret': { status: 204 },
    'PUT /portal-groups/g1/portals/p1': doneJob(),
    'PUT /luns/l1/targets': { body: {} },
    'PUT /luns/l1/mask': { body: {} },
    'PUT /luns/l1/status': { body: {} },
    'PATCH /luns/l1': { body: {} },
    'POST /luns/l1/extend': doneJob(),
    'POST /provider/reenumerate': { status: 204 },
    'POST /provider/refresh': { status: 204 },
    [`PUT /import-targets/${HOST}`]: { body: {} },
  }
}

async function runScript(script: string) {
  await using api = await startFakeApi(array())
  using directory = temporaryDirectory()
  writeFileSync(directory.file('script.txt'), script)
  const result = await commandsOf(api, directory)('diskraid', '/S', directory.file('script.txt'))
  return { ...result, changes: api.changes }
}

const SELECTED_LUN = 'select subsystem 0\ncreate lun simple size=20GB\n'

describe('lunette diskraid /s', () => {
  it('runs the typical session of an administrator', async () => {
    const { exitCode, stdout, changes } = await runScript(ADMIN_SESSION)
    expect(stdout).toContain('Subsystem 0 is now the selected subsystem.')
    expect(stdout).toMatch(
      /^ {2}TPortal ### {2}Address +Status\n {2}-+ {2}-+ {2}-+\n {2}TPortal 0 +127\.0\.0\.1:3260 {2}Online$/m,
    )
    expect(exitCode).toBe(0)
    expect(changes.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /targets',
      `PUT /targets/t1/shared-secrets/${encodeURIComponent(INITIATOR)}`,
      'POST /targets/t1/portal-groups',
      'PUT /portal-groups/g1/portals/p1',
      'POST /luns',
      'PUT /luns/l1/targets',
      'PUT /luns/l1/mask',
      `PUT /import-targets/${HOST}`,
    ])
    expect(changes.map(({ body, ifMatch }) => [body, ifMatch])).toEqual([
      [{ friendlyName: 'web01', iscsiName: IQN }, undefined],
      [{ secret: 'abcdefghijklmn' }, undefined],
      [undefined, undefined],
      [undefined, undefined],
      [{ sizeBytes: 20 * 1024 ** 3 }, undefined],
      [{ targetIds: ['t1'] }, '"4"'],
      [{ initiators: [INITIATOR], networks: ['10.0.0.0/8'], readOnlyInitiators: [] }, '"3"'],
      [{ iscsiName: IQN }, undefined],
    ])
  })

  it.each([
    ['unmask lun all', { initiators: '*' }],
    ['unmask lun none', { initiators: [] }],
    ['unmask lun add initiator=iqn.new;iqn.old', { initiators: ['iqn.old', 'iqn.new'] }],
  ])('%s', async (line, body) => {
    const { exitCode, changes } = await runScript(`${SELECTED_LUN}${line}`)
    expect(exitCode).toBe(0)
    expect(changes.at(-1)).toMatchObject({ path: '/luns/l1/mask', body })
  })

  it.each([
    ['extend lun size=1GB', { path: '/luns/l1/extend', body: { bytes: 1024 ** 3 } }],
    ['offline lun', { path: '/luns/l1/status', body: { status: 'offline' } }],
    ['name lun two words', { path: '/luns/l1', body: { friendlyName: 'two words' } }],
    ['name lun', { path: '/luns/l1', body: { friendlyName: '' } }],
    ['delete lun uninstall', { method: 'DELETE', path: '/luns/l1' }],
    ['rescan', { path: '/provider/refresh' }],
    ['create lun simple', { path: '/luns', body: { sizeBytes: 4096 } }],
  ])('%s', async (line, change) => {
    const { exitCode, changes } = await runScript(`${SELECTED_LUN}${line}`)
    expect(exitCode).toBe(0)
    expect(changes.at(-1)).toMatchObject(change)
  })

  it.each([
    ['an unknown command', 'select subsystem 0\nfrobnicate', 5, /frobnicate is not understood[\s\S]*ends at line 2/],
    ['a missing focus', 'delete lun', 5, /There is no lun selected/],
    ['a syntax error with noerr', 'create target noerr', 5, /name= is missing/],
    ['an index that is not there', 'select subsystem 0\nselect lun 3', 5, /There is no lun 3: use list luns/],
    ['a refusal', `${SELECTED_LUN}create target name=a\ndelete target`, 4, /VDS_E_ASSOCIATED_LUNS_EXIST/],
    [
      'a refusal with noerr',
      `${SELECTED_LUN}create target name=a\ndelete target noerr`,
      0,
      /VDS_E_ASSOCIATED_LUNS_EXIST/,
    ],
    [
      'what an array of files has not',
      'select subsystem 0\ncreate lun raid size=1GB',
      4,
      /VDS_E_NOT_SUPPORTED 0x80042400/,
    ],
    ['a drive', 'select subsystem 0\nselect drive 0', 5, /There are no drives/],
    ['what belongs to the host', 'initiator', 4, /belongs to the initiator's computer/],
    ['recover', `${SELECTED_LUN}recover lun`, 4, /VDS_E_INVALID_OPERATION/],
    ['no import target', 'select subsystem 0\nimporttarget subsystem', 4, /VDS_E_NO_IMPORT_TARGET/],
    ['a wrong size', 'select subsystem 0\ncreate lun simple size=much', 5, /size=much is no size/],
    ['exit', 'exit\nfrobnicate', 0, /^$/],
    ['remarks', '\ufeffrem frobnicate\r\n\r\nrem\r\n', 0, /^$/],
  ])('ends after %s as DiskRAID does', async (_what, script, exitCode, says) => {
    const result = await runScript(script)
    expect(result.stdout).toMatch(says)
    expect(result.exitCode).toBe(exitCode)
  })

  it('shows what is selected', async () => {
    const { stdout } = await runScript(
      `${SELECTED_LUN}list luns\ndetail lun\nselect lun\ncreate target name=a\ndetail target\nhelp\nlist drives`,
    )
    expect(stdout).toMatch(/^\* LUN 0 +Online +Simple +20 GB +S1$/m)
    expect(stdout).toMatch(/^Unmasked Hosts +: iqn\.old$/m)
    expect(stdout).toMatch(/^Associated LUNs +: 0$/m)
    expect(stdout).toContain('LUN 0 is the selected LUN.')
    expect(stdout).toMatch(/^ {2}chap target set secret=\[text\] \[initiator=iqn\]$/m)
    expect(stdout).toContain('There are no drives')
  })

  it('says which arguments and files it cannot use', async () => {
    await using api = await startFakeApi({})
    using directory = temporaryDirectory()
    const run = commandsOf(api, directory)
    expect(await run('diskraid', '/x', 'file')).toMatchObject({ exitCode: 2 })
    expect(await run('diskraid', '/s', directory.file('none'))).toMatchObject({ exitCode: 3 })
  })
})
