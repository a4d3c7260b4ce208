/** A flood of logins that fail, against the whole server: its log stays short, and says so. */

import { expect, it } from 'vitest'
import { startServer } from '../support/server-process.ts'
import { WireInitiator } from '../support/wire-initiator.ts'

it('leaves so many lines in the log as the limit says, and one that tells of the others', async () => {
  const args = ['disk.img', '--size', '1M', '--limit', 'logLinesMax=3', '--limit', 'logPeriodMs=1h']
  await using server = await startServer({ args })
  const { host, port } = server
  for (let login = 0; login < 10; login++) {
    const initiator = await WireInitiator.connect({ host, port, targetName: 'iqn.2026-01.test.lunette:absent' })
    expect(await initiator.refusedLogin({ keys: initiator.names() })).toBe(0x0203)
    initiator.destroy()
  }
  await server.stop()
  const linesWith = (text: string) => server.output().split(`"msg":"${text}"`).length - 1
  expect(linesWith('refused a login')).toBe(3)
  expect(linesWith('leaving out further log lines')).toBe(1)
})
