/** What the command line sets, as initiators find it. */

import { realpathSync } from 'node:fs'
import { expect, it } from 'vitest'
import { createSparseFile } from '../../support/disk-files.ts'
import { type ServerProcess, startServer } from '../../support/server-process.ts'
import { openStoredManagement } from '../../support/stored-management.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { WireInitiator } from '../../support/wire-initiator.ts'
import { execute, inquiry, reportLuns } from '../../support/wire-scsi.ts'

it('a server negotiates and bounds as it was told to', async () => {
  const settings = [
    '--parameter',
    'MaxBurstLength=65536',
    '--parameter',
    'HeaderDigest=None',
    '--limit',
    'sessionsMax=1',
  ]
  await using server = await startServer({
    args: ['disk.img', '--size', '1M', '--listen', '127.0.0.1:0,9', ...settings],
  })
  const { host, port, targetName } = server
  const first = await WireInitiator.connect({ host, port, targetName })
  const { keys } = await first.login({ MaxBurstLength: '262144', HeaderDigest: 'CRC32C,None', DataDigest: 'CRC32C' })
  expect(keys).toMatchObject({
    MaxBurstLength: '65536',
    HeaderDigest: 'None',
    DataDigest: 'CRC32C',
    TargetPortalGroupTag: '9',
  })
  const second = await WireInitiator.connect({ host, port, targetName })
  expect(await second.refusedLogin({ keys: second.names() })).toBe(0x0302)
  await first.logout()
  first.destroy()
  second.destroy()
})

it('the disks are reached through portal groups in the states that they were told', async () => {
  await using server = await startServer({
    args: ['disk.img', '--size', '1M', '--listen', '127.0.0.1:0,9', '--portal-group-state', '9=standby,preferred'],
  })
  const { host, targetName } = server
  const ports = [...server.output().matchAll(/^listening on .+:(\d+)$/gm)].map(([, port]) => Number(port))
  const senseCodes: (number | null)[] = []
  for (const port of ports) {
    const initiator = await WireInitiator.connect({ host, port, targetName })
    await initiator.login()
    await execute(initiator, { cdb: Buffer.alloc(16) })
    const ready = await execute(initiator, { cdb: Buffer.alloc(16) })
    senseCodes.push(ready.sense?.code ?? null)
    const cdb = Buffer.from('a30a00000000000000ff0000', 'hex')
    const { data } = await execute(initiator, { cdb, readBytes: 255 })
    expect(data.toString('hex', 4)).toBe('00cf0001000000010000000182cf00090000000100000009')
    await initiator.logout()
    initiator.destroy()
  }
  expect(senseCodes).toEqual([0x040b, null])
})

it('what an administrator has set of the disks outlives a restart, and managed LUNs are served beside them', async () => {
  using directory = temporaryDirectory()
  const start = (args: readonly string[]) =>
    startServer({ directory: directory.path, args: [...args, '--data', 'data'] })
  const initiatorName = 'iqn.2026-01.test:me'
  const lunsSeen = async ({ host, port, targetName }: ServerProcess) => {
    const initiator = await WireInitiator.connect({ host, port, targetName, initiatorName })
    await initiator.login()
    const { data } = await execute(initiator, { cdb: reportLuns(256), readBytes: 256 })
    const inquired = await execute(initiator, { cdb: inquiry(36), readBytes: 36 })
    await initiator.logout()
    return [data.readUInt32BE(0) / 8, inquired.data[0]]
  }
  const files = ['disk.img', '--size', '1M']
  {
    await using server = await start(files)
    expect(await lunsSeen(server)).toEqual([1, 0])
  }
  {
    await using array = await openStoredManagement(realpathSync(directory.file('data')))
    const [lun] = array.subSystem.queryLuns()
    await lun!.setMask('iqn.2026-01.test:somebody-else')
  }
  {
    await using server = await start(files)
    expect(await lunsSeen(server)).toEqual([1, 0x7f])
  }
  {
    await using array = await openStoredManagement(realpathSync(directory.file('data')))
    const [target] = array.subSystem.queryTargets()
    createSparseFile(directory.file('data/managed.img'), 2 ** 20)
    const lun = (await (await array.subSystem.importLun({ path: 'managed.img' })).wait()).output!
    await lun.setMask('*')
    await lun.associateTargets([target!.id])
  }
  await using server = await start([])
  expect(await lunsSeen(server)).toEqual([2, 0x7f])
})
