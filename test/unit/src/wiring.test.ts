/** What the command line sets, as initiators find it. */

import { expect, it } from 'vitest'
import { startServer } from '../../support/server-process.ts'
import { WireInitiator } from '../../support/wire-initiator.ts'
import { execute } from '../../support/wire-scsi.ts'

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
