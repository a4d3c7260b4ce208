import { writeFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { describeWithTools } from '../support/describe-with-tools.ts'
import { createSparseFile } from '../support/disk-files.ts'
import { listSuites, runSuite } from '../support/iscsi-test-cu.ts'
import { startServer, type UrlOptions } from '../support/server-process.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { missingTools } from '../support/tools.ts'

const DISK_BYTES = 2 ** 30
const SECRET = 'initiator-secret'
const TARGET_SECRET = 'the-targets-own'
const CHAP = ['--chap-user', 'alice', '--chap-secret-file', 'alice.secret']
const MUTUAL = [...CHAP, '--mutual-chap-user', 'lunette', '--mutual-chap-secret-file', 'target.secret']
const INITIATOR = { user: 'alice', password: SECRET }
const TARGET = `target_user=lunette&target_password=${TARGET_SECRET}`

const LOGINS: readonly (readonly [name: string, args: readonly string[], url: UrlOptions])[] = [
  ['with CHAP', CHAP, INITIATOR],
  ['with mutual CHAP', MUTUAL, { ...INITIATOR, query: TARGET }],
  ['with header digests', [], { query: 'header_digest=crc32c' }],
  ['with mutual CHAP and header digests', MUTUAL, { ...INITIATOR, query: `${TARGET}&header_digest=crc32c` }],
]

const isAvailable = missingTools(['iscsi-test-cu']).length === 0
const suites = isAvailable ? [...(await listSuites())].filter(([suite]) => suite.startsWith('iSCSI')) : []

describeWithTools(['iscsi-test-cu'], 'the iSCSI suites of iscsi-test-cu', () => {
  it.each(LOGINS)('pass %s', async (_name, args, url) => {
    expect(suites.length).toBeGreaterThan(3)
    for (const [suite, testNames] of suites) {
      using directory = temporaryDirectory()
      createSparseFile(directory.file('disk.img'), DISK_BYTES)
      writeFileSync(directory.file('alice.secret'), SECRET, { mode: 0o600 })
      writeFileSync(directory.file('target.secret'), TARGET_SECRET, { mode: 0o600 })
      await using server = await startServer({ directory: directory.path, args: ['disk.img', ...args] })
      const { tests } = await runSuite(server.url(0, url), suite, testNames)
      expect(tests.filter(({ outcome }) => outcome !== 'passed')).toEqual([])
    }
  })
})
