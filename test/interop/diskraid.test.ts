/**
 * DiskRAID's typical session against a running server: afterwards the initiator with that name and secret sees exactly that
 * LUN, and everybody else sees nothing.
 */

import { writeFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { describeWithTools } from '../support/describe-with-tools.ts'
import { runCommand } from '../support/run-command.ts'
import { runTool, tryTool } from '../support/run-tool.ts'
import { startServer } from '../support/server-process.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const INITIATOR = 'iqn.1991-05.com.microsoft:web01'
const TARGET = 'iqn.2024-01.org.example:web01'
const SECRET = 'abcdefghijklmn'

const SCRIPT = `select subsystem 0
create target name="web01" iscsiname=${TARGET}
chap target set secret=${SECRET} initiator=${INITIATOR}
create tpgroup
list tportals
add tpgroup tportal=0
create lun simple size=20GB
select lun 1
associate targets 1
unmask lun initiator=${INITIATOR}
select target 1
importtarget subsystem set target
`

describeWithTools(['iscsi-readcapacity16', 'iscsi-inq'], "DiskRAID's typical session", () => {
  it('lets one initiator see one LUN, and nobody else any', async () => {
    await using server = await startServer({ hasApi: true })
    using directory = temporaryDirectory()
    writeFileSync(directory.file('script.txt'), SCRIPT)
    const place = ['--server', server.apiUrl, '--data', `${server.directory}/lunette-data`]
    const said = await runCommand(['diskraid', '/s', directory.file('script.txt'), ...place])
    expect(said).toMatchObject({ exitCode: 0, stderr: '' })

    const portal = `${server.host}:${server.port}`
    const url = (user: string, secret: string, lun: number) => `iscsi://${user}%${secret}@${portal}/${TARGET}/${lun}`
    const capacity = (initiator: string, ...rest: Parameters<typeof url>) =>
      tryTool('iscsi-readcapacity16', ['-i', initiator, '--size', url(...rest)])
    expect(await runTool('iscsi-readcapacity16', ['-i', INITIATOR, '--size', url(INITIATOR, SECRET, 0)])).toBe(
      `${20 * 1024 ** 3}\n`,
    )
    const refusals = [
      await capacity(INITIATOR, INITIATOR, SECRET, 1),
      await capacity(INITIATOR, INITIATOR, 'another-secret', 0),
      await capacity('iqn.2024-01.org.example:other', INITIATOR, SECRET, 0),
      await tryTool('iscsi-inq', ['-i', INITIATOR, `iscsi://${portal}/${TARGET}/0`]),
    ]
    expect(refusals.map(({ exitCode }) => exitCode)).not.toContain(0)
    const listed = await runCommand(['refusals', 'list', ...place])
    expect(listed.stdout).toContain('iqn.2024-01.org.example:other')
  })
})
