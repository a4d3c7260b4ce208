/** What the command line sets, as initiators find it. */

import { expect, it } from 'vitest'
import { startServer } from '../../support/server-process.ts'
import { WireInitiator } from '../../support/wire-initiator.ts'

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
