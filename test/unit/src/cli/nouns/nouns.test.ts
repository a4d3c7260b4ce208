import { writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { describe, expect, it } from 'vitest'
import { doneJob, type FakeAnswers, type FakeRequest, startFakeApi } from '../../../../support/fake-api.ts'
import { commandsOf } from '../../../../support/run-command.ts'
import { temporaryDirectory } from '../../../../support/temporary-directory.ts'

const LUN_ID = '11111111-0000-4000-8000-000000000001'
const OTHER_LUN_ID = '11112222-0000-4000-8000-000000000002'
const TARGET_ID = '22222222-0000-4000-8000-000000000001'
const GROUP_ID = '33333333-0000-4000-8000-000000000001'
const PORTAL_ID = '44444444-0000-4000-8000-000000000001'
const IQN = 'iqn.2024-01.org.example:web01'
const INITIATOR = 'iqn.1991-05.com.microsoft:web01'

const lun = {
  id: LUN_ID,
  friendlyName: 'data',
  number: 0,
  path: 'luns/data.img',
  sizeBytes: 1024 ** 3,
  allocatedBytes: 0,
  blockLengthBytes: 512,
  deviceType: 'disk',
  isRemovable: false,
  isReadOnly: false,
  serialNumber: 'S1',
  naa: '3000000000000001',
  status: 'online',
  reason: null,
  mask: { initiators: [INITIATOR], networks: [], readOnlyInitiators: [] },
  targets: [{ targetId: TARGET_ID, lun: 0 }],
}
const otherLun = { ...lun, id: OTHER_LUN_ID, friendlyName: 'more', serialNumber: 'S2', targets: [] }
const group = { id: GROUP_ID, targetId: TARGET_ID, tag: 1, portalIds: [PORTAL_ID] }
const target = { id: TARGET_ID, iscsiName: IQN, friendlyName: 'web01', isChapEnabled: true, portalGroups: [group] }
const portal = {
  id: PORTAL_ID,
  host: '127.0.0.1',
  port: 3260,
  hasTls: false,
  status: 'online',
  reason: null,
  listeningPort: 3260,
}
const session = {
  id: 's1',
  kind: 'normal',
  initiatorName: INITIATOR,
  targetId: TARGET_ID,
  portalGroupTag: 1,
  chapUser: null,
  beganAt: '2026-01-01T00:00:00Z',
  connections: [{ remoteAddress: '10.0.0.9', localAddress: '10.0.0.1' }],
  luns: [{ lun: 0, lunId: LUN_ID }],
  counters: { readBytes: 1024, writtenBytes: 0 },
  parameters: { MaxBurstLength: '262144' },
}
const entry = {
  id: 7,
  at: '2026-01-01T00:00:00Z',
  actor: 'root',
  method: 'createTarget',
  objectId: null,
  result: 'S_OK',
}
const refusal = {
  at: '2026-01-01T00:00:00Z',
  initiatorName: INITIATOR,
  targetName: IQN,
  remoteAddress: '10.0.0.9',
  reason: 'a wrong \u001b[31m secret',
}
const token = { id: 't1', name: 'backup', role: 'viewer', createdAt: '2026-01-01T00:00:00Z', lastUsedAt: null }

const HOST = encodeURIComponent(hostname().toLowerCase())
const ok = { status: 200, body: {} }
const gone = { status: 204 }

const answers: FakeAnswers = {
  'GET /luns': { body: [lun, otherLun] },
  'GET /targets': { body: [target] },
  'GET /portals': { body: [portal] },
  'GET /sessions': { body: [session] },
  'GET /sessions/s1': { body: session },
  [`GET /sessions?targetId=${TARGET_ID}`]: { body: [session] },
  'GET /login-refusals': { body: [refusal] },
  'GET /audit-log': { body: [entry] },
  'GET /audit-log?limit=5&before=9': { body: [entry] },
  'GET /tokens': { body: [token] },
  'GET /subsystem': { body: { id: 'x', friendlyName: 'san', identification: 'SN1', status: 'online' } },
  'GET /jobs': { body: [doneJob().body] },
  'GET /jobs/job-1': doneJob({ id: OTHER_LUN_ID }),
  'GET /import-targets': { body: [{ host: 'a', iscsiName: IQN }] },
  [`GET /import-targets/${HOST}`]: { status: 404, body: { detail: 'none is set', name: 'VDS_E_NO_IMPORT_TARGET' } },
  'GET /import-targets/a': { body: { host: 'a', iscsiName: IQN } },
  'GET /events': { body: `id: 1\nevent: LUN_ARRIVE\ndata: {"id":"x"}\n\n` },
  [`GET /targets/${TARGET_ID}/luns`]: { body: [lun] },
  [`GET /luns/${LUN_ID}/targets`]: { body: [{ targetId: TARGET_ID, lun: 0 }], headers: { etag: '"7"' } },
  'POST /luns': { ...doneJob(), status: 202, body: { ...doneJob().body, isDone: false, percent: 3 } },
  [`POST /luns/${LUN_ID}/extend`]: doneJob(),
  [`POST /luns/${LUN_ID}/shrink`]: {
    status: 202,
    body: {
      ...doneJob().body,
      hresult: '0x80042816',
      name: 'VDS_E_SHRINK_OVER_DATA',
      message: 'the end of the LUN holds data',
    },
  },
  [`PUT /luns/${LUN_ID}/mask`]: ok,
  [`PUT /luns/${LUN_ID}/targets`]: ok,
  [`PUT /luns/${LUN_ID}/status`]: ok,
  [`PATCH /luns/${LUN_ID}`]: ok,
  [`DELETE /luns/${LUN_ID}`]: gone,
  [`DELETE /luns/${LUN_ID}?keepStorage=true`]: gone,
  [`POST /luns/${LUN_ID}/eject`]: ok,
  [`POST /luns/${LUN_ID}/insert`]: ok,
  'POST /targets': doneJob({ id: TARGET_ID }),
  [`DELETE /targets/${TARGET_ID}`]: {
    status: 409,
    body: { detail: 'LUNs are associated', name: 'VDS_E_ASSOCIATED_LUNS_EXIST', hresult: '0x8004270B' },
  },
  [`PATCH /targets/${TARGET_ID}`]: ok,
  [`PUT /targets/${TARGET_ID}/shared-secret`]: gone,
  [`DELETE /targets/${TARGET_ID}/shared-secret`]: gone,
  [`PUT /targets/${TARGET_ID}/shared-secrets/${encodeURIComponent(INITIATOR)}`]: gone,
  [`PUT /targets/${TARGET_ID}/chap-users/web`]: gone,
  [`PUT /targets/${TARGET_ID}/remembered-secrets/*`]: gone,
  [`DELETE /targets/${TARGET_ID}/remembered-secrets/${encodeURIComponent(INITIATOR)}`]: gone,
  [`POST /targets/${TARGET_ID}/portal-groups`]: doneJob({ id: GROUP_ID }),
  [`DELETE /portal-groups/${GROUP_ID}`]: doneJob(),
  [`PUT /portal-groups/${GROUP_ID}/portals/${PORTAL_ID}`]: doneJob(),
  [`DELETE /portal-groups/${GROUP_ID}/portals/${PORTAL_ID}`]: doneJob(),
  'POST /portals': { status: 201, body: portal },
  [`PATCH /portals/${PORTAL_ID}`]: ok,
  [`DELETE /portals/${PORTAL_ID}`]: gone,
  'DELETE /sessions/s1': gone,
  'PUT /import-targets/a': ok,
  'DELETE /import-targets/a': gone,
  'POST /jobs/job-1/cancel': {
    status: 409,
    body: { detail: 'it is done', name: 'VDS_E_CANCEL_TOO_LATE', hresult: '0x8004240C' },
  },
  'PATCH /subsystem': ok,
  'POST /provider/reenumerate': gone,
  'POST /provider/refresh': gone,
  'GET /discovery-users': { body: [{ user: 'ask', initiatorNames: [] }] },
  'PUT /discovery-users/ask': gone,
  'DELETE /discovery-users/ask': gone,
  'POST /tokens': { status: 201, body: { ...token, token: 'lun_new' } },
  'DELETE /tokens/t1': gone,
  'POST /backup': { status: 200, body: 'SQLite' },
}

const mask = { initiators: [INITIATOR], networks: ['10.0.0.0/8'], readOnlyInitiators: [] }

type CommandRow = [words: string, changes: readonly FakeRequest[], says: RegExp, exitCode?: number]

/** Words of a command, what it changes, what it says, and its exit code if that is not 0. */
const COMMANDS: CommandRow[] = [
  ['lun list', [], /^ID +Name +Size +Status +Targets +Unmasked for\n11111111.* data +1 GiB +online +1 +iqn\.1991/],
  ['lun show data', [], /^Targets: +iqn\.2024-01\.org\.example:web01 as LUN 0$/m],
  ['lun show 11111', [], /^Serial number: +S1$/m],
  [`lun show {${LUN_ID.toUpperCase()}}`, [], /^Serial number: +S1$/m],
  ['lun show 1111', [], /1111 is more than one LUN: 11111111.* data, 11112222.* more; give an id/, 4],
  ['lun show dat', [], /there is no LUN dat \(did you mean data\?\)/, 4],
  [
    `lun create data --size 10G --initiator ${INITIATOR} --network 10.0.0.0/8`,
    [{ method: 'POST', path: '/luns', body: { friendlyName: 'data', sizeBytes: 10 * 1024 ** 3, mask } }],
    /LUN data was created: 11112222/,
  ],
  [
    'lun create data --size 10',
    [{ method: 'POST', path: '/luns', body: { friendlyName: 'data', sizeBytes: 10 } }],
    /created/,
  ],
  ['lun create --size 10G7', [], /--size 10G7 is not a size: allowed is/, 2],
  ['lun create --size 1G --initiator * --initiator iqn.x', [], /'\*' is everybody/, 2],
  [
    'lun import /srv/a.iso cd --cd --removable',
    [
      {
        method: 'POST',
        path: '/luns',
        body: { friendlyName: 'cd', path: '/srv/a.iso', isRemovable: true, deviceType: 'cdDvd' },
      },
    ],
    /LUN cd was imported: 11112222/,
  ],
  ['lun delete data', [{ method: 'DELETE', path: `/luns/${LUN_ID}` }], /LUN data was deleted/],
  ['lun delete data --keep-storage', [{ method: 'DELETE', path: `/luns/${LUN_ID}?keepStorage=true` }], /was deleted/],
  [
    'lun extend data 1G',
    [{ method: 'POST', path: `/luns/${LUN_ID}/extend`, body: { bytes: 1024 ** 3 } }],
    /LUN data was extended by 1G/,
  ],
  [
    'lun shrink data 1G --discard',
    [{ method: 'POST', path: `/luns/${LUN_ID}/shrink`, body: { bytes: 1024 ** 3, mayDiscardData: true } }],
    /the end of the LUN holds data \(VDS_E_SHRINK_OVER_DATA 0x80042816\)/,
    5,
  ],
  [
    `lun mask data --initiator * --read-only ${INITIATOR}`,
    [
      {
        method: 'PUT',
        path: `/luns/${LUN_ID}/mask`,
        body: { initiators: '*', networks: [], readOnlyInitiators: [INITIATOR] },
      },
    ],
    /LUN data has a new mask/,
  ],
  [
    'lun mask data --nobody',
    [
      {
        method: 'PUT',
        path: `/luns/${LUN_ID}/mask`,
        body: { initiators: [], networks: [], readOnlyInitiators: [] },
      },
    ],
    /LUN data has a new mask/,
  ],
  ['lun mask data', [], /mask needs --initiator, or --nobody/, 2],
  ['lun mask data --nobody --initiator *', [], /mask needs/, 2],
  ['lun mask data --network 10.0.0.0/8', [], /--network and --read-only need --initiator/, 2],
  [
    'lun associate data web01',
    [{ method: 'PUT', path: `/luns/${LUN_ID}/targets`, body: { targetIds: [TARGET_ID] }, ifMatch: '"7"' }],
    /LUN data is associated/,
  ],
  [
    `lun dissociate data ${IQN}`,
    [{ method: 'PUT', path: `/luns/${LUN_ID}/targets`, body: { targetIds: [] }, ifMatch: '"7"' }],
    /LUN data is dissociated/,
  ],
  [
    'lun offline data',
    [{ method: 'PUT', path: `/luns/${LUN_ID}/status`, body: { status: 'offline' } }],
    /LUN data is offline/,
  ],
  [
    'lun online data',
    [{ method: 'PUT', path: `/luns/${LUN_ID}/status`, body: { status: 'online' } }],
    /LUN data is online/,
  ],
  ['lun rename data d2', [{ method: 'PATCH', path: `/luns/${LUN_ID}`, body: { friendlyName: 'd2' } }], /is now d2/],
  ['lun eject data', [{ method: 'POST', path: `/luns/${LUN_ID}/eject`, body: { force: false } }], /has no medium/],
  [
    'lun insert data /srv/b.iso',
    [{ method: 'POST', path: `/luns/${LUN_ID}/insert`, body: { path: '/srv/b.iso' } }],
    /LUN data holds \/srv\/b\.iso/,
  ],
  ['target list', [], /^ID +iSCSI name +Friendly name +CHAP +Portal groups\n22222222.*web01 +yes +1$/m],
  ['target show web01', [], /^Portal groups: +1: 127\.0\.0\.1:3260\nLUNs: +0: data$/m],
  [
    `target create web01 --iscsi-name ${IQN}`,
    [{ method: 'POST', path: '/targets', body: { friendlyName: 'web01', iscsiName: IQN } }],
    /target web01 was created: 22222222/,
  ],
  [
    'target delete web01',
    [{ method: 'DELETE', path: `/targets/${TARGET_ID}` }],
    /LUNs are associated \(VDS_E_ASSOCIATED_LUNS_EXIST 0x8004270B\)/,
    5,
  ],
  [
    'target rename web01 web02',
    [{ method: 'PATCH', path: `/targets/${TARGET_ID}`, body: { friendlyName: 'web02' } }],
    /is now web02/,
  ],
  [
    'target chap web01 set --secret-file SECRET',
    [{ method: 'PUT', path: `/targets/${TARGET_ID}/shared-secret`, body: { secret: 'abcdefghijklmn' } }],
    /demands the secret/,
  ],
  ['target chap web01 clear', [{ method: 'DELETE', path: `/targets/${TARGET_ID}/shared-secret` }], /no longer demands/],
  [
    `target chap web01 set --initiator ${INITIATOR} --secret-file SECRET`,
    [
      {
        method: 'PUT',
        path: `/targets/${TARGET_ID}/shared-secrets/${encodeURIComponent(INITIATOR)}`,
        body: { secret: 'abcdefghijklmn' },
      },
    ],
    /demands the secret/,
  ],
  [
    `target chap web01 set --user web --initiator ${INITIATOR} --initiator iqn.x --secret-file SECRET`,
    [
      {
        method: 'PUT',
        path: `/targets/${TARGET_ID}/chap-users/web`,
        body: { secret: 'abcdefghijklmn', initiatorNames: [INITIATOR, 'iqn.x'] },
      },
    ],
    /demands the secret/,
  ],
  [
    'target chap web01 remember --user san --secret-file SECRET',
    [
      {
        method: 'PUT',
        path: `/targets/${TARGET_ID}/remembered-secrets/*`,
        body: { secret: 'abcdefghijklmn', user: 'san' },
      },
    ],
    /proves itself with the secret/,
  ],
  [
    `target chap web01 forget --initiator ${INITIATOR}`,
    [
      {
        method: 'DELETE',
        path: `/targets/${TARGET_ID}/remembered-secrets/${encodeURIComponent(INITIATOR)}`,
      },
    ],
    /no longer proves/,
  ],
  ['target chap web01 set', [], /chap set needs --secret-file/, 2],
  ['target chap web01 clear --secret-file SECRET', [], /chap clear takes no --secret-file/, 2],
  ['target chap web01 fly', [], /ACTION fly is unknown: allowed are set, clear, remember, forget/, 2],
  ['portal-group list', [], /^33333333.* iqn\.2024-01\.org\.example:web01 +1 +1$/m],
  [
    'portal-group create web01',
    [{ method: 'POST', path: `/targets/${TARGET_ID}/portal-groups` }],
    /portal group of .*: 33333333/,
  ],
  ['portal-group delete web01,1', [{ method: 'DELETE', path: `/portal-groups/${GROUP_ID}` }], /web01,1 was deleted/],
  [
    'portal-group add 333 127.0.0.1:3260',
    [{ method: 'PUT', path: `/portal-groups/${GROUP_ID}/portals/${PORTAL_ID}` }],
    /portal 127\.0\.0\.1:3260 is in portal group/,
  ],
  [
    `portal-group remove ${IQN},1 444`,
    [{ method: 'DELETE', path: `/portal-groups/${GROUP_ID}/portals/${PORTAL_ID}` }],
    /is no longer in portal group/,
  ],
  ['portal list', [], /^44444444.* 127\.0\.0\.1:3260 +no +online +3260 +-$/m],
  [
    'portal create [::1] --tls',
    [{ method: 'POST', path: '/portals', body: { host: '::1', port: 3260, hasTls: true } }],
    /portal \[::1\]:3260 was created: 44444444/,
  ],
  ['portal create 1.2.3.500', [], /1\.2\.3\.500 is not an address/, 2],
  [
    'portal offline 127.0.0.1:3260',
    [{ method: 'PATCH', path: `/portals/${PORTAL_ID}`, body: { status: 'offline' } }],
    /is offline/,
  ],
  ['portal online 444', [{ method: 'PATCH', path: `/portals/${PORTAL_ID}`, body: { status: 'online' } }], /is online/],
  ['portal delete 444', [{ method: 'DELETE', path: `/portals/${PORTAL_ID}` }], /was deleted/],
  ['session list', [], /^s1 +normal +iqn\.1991-05\.com\.microsoft:web01 +10\.0\.0\.9 +1 +1 KiB +0 bytes$/m],
  ['session list --target web01', [], /^s1 /m],
  ['session show s1', [], /^Parameters: +MaxBurstLength=262144$/m],
  [`session end ${INITIATOR}`, [{ method: 'DELETE', path: '/sessions/s1' }], /was ended/],
  ['import-target list', [], /^a +iqn\.2024-01\.org\.example:web01$/m],
  ['import-target get A', [], /^Target: +iqn\.2024-01\.org\.example:web01$/m],
  ['import-target get', [], /none is set \(VDS_E_NO_IMPORT_TARGET\)/, 4],
  [
    'import-target set web01 a',
    [{ method: 'PUT', path: '/import-targets/a', body: { iscsiName: IQN } }],
    /is the import target of a/,
  ],
  ['import-target clear a', [{ method: 'DELETE', path: '/import-targets/a' }], /a has no import target/],
  ['job list', [], /^job-1 +CREATELUN +100 +yes +S_OK$/m],
  ['job show job-1', [], /^Percent: +100$/m],
  ['job wait job-1', [], /job job-1 has ended/],
  ['job cancel job-1', [{ method: 'POST', path: '/jobs/job-1/cancel' }], /VDS_E_CANCEL_TOO_LATE/, 5],
  ['subsystem show', [], /^Serial number: +SN1$/m],
  ['subsystem rename big', [{ method: 'PATCH', path: '/subsystem', body: { friendlyName: 'big' } }], /is now big/],
  [
    'subsystem refresh',
    [
      { method: 'POST', path: '/provider/reenumerate' },
      { method: 'POST', path: '/provider/refresh' },
    ],
    /was read anew/,
  ],
  ['discovery-user list', [], /^ask +any$/m],
  [
    'discovery-user set ask --secret-file SECRET --initiator iqn.x',
    [
      {
        method: 'PUT',
        path: '/discovery-users/ask',
        body: { secret: 'abcdefghijklmn', initiatorNames: ['iqn.x'] },
      },
    ],
    /ask may ask for targets/,
  ],
  ['discovery-user delete ask', [{ method: 'DELETE', path: '/discovery-users/ask' }], /ask may no longer/],
  ['subsystem offline', [{ method: 'PATCH', path: '/subsystem', body: { status: 'offline' } }], /is offline/],
  ['subsystem online', [{ method: 'PATCH', path: '/subsystem', body: { status: 'online' } }], /is online/],
  ['token list', [], /^t1 +backup +viewer +2026-01-01T00:00:00Z +-$/m],
  [
    'token create backup --role viewer',
    [{ method: 'POST', path: '/tokens', body: { name: 'backup', role: 'viewer' } }],
    /^lun_new$/m,
  ],
  ['token create backup --role king', [], /Allowed choices are viewer, operator, administrator/, 2],
  ['token delete t1', [{ method: 'DELETE', path: '/tokens/t1' }], /t1 was deleted/],
  ['audit list', [], /^7 +2026-01-01T00:00:00Z +root +createTarget +- +S_OK$/m],
  ['audit list --limit 5 --before 9', [], /^7 /m],
  ['audit list --limit 0', [], /--limit 0 is not a number from 1 to/, 2],
  ['refusals list', [], /a wrong \\u\{1b\}\[31m secret/],
  ['events', [], /^1 LUN_ARRIVE \{"id":"x"\}$/m],
  ['events --json', [], /^\{"id":"x"\}$/m],
  ['backup FILE', [{ method: 'POST', path: '/backup' }], /the configuration is saved in .*backup\.db/],
]

describe('lunette NOUN VERB', () => {
  it.each(COMMANDS)('%s', async (...[words, changes, says, exitCode = 0]: CommandRow) => {
    await using api = await startFakeApi(answers)
    using directory = temporaryDirectory()
    writeFileSync(directory.file('secret'), 'abcdefghijklmn\n', { mode: 0o600 })
    const files: Record<string, string> = { SECRET: directory.file('secret'), FILE: directory.file('backup.db') }
    const run = commandsOf(api, directory)
    const result = await run(...words.split(' ').map((word) => files[word] ?? word))
    expect(result.stdout + result.stderr).toMatch(says)
    expect(result.exitCode).toBe(exitCode)
    expect(api.changes).toEqual(changes)
  })

  it('prints what the API says with --json', async () => {
    await using api = await startFakeApi(answers)
    using directory = temporaryDirectory()
    const { stdout } = await commandsOf(api, directory)('lun', 'list', '--json')
    expect(JSON.parse(stdout)).toEqual([lun, otherLun])
  })
})
