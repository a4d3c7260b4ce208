import { expect, it } from 'vitest'
import { startLunette } from '../../../support/command-line.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

it('goes on serving when nobody reads its standard output any more', async () => {
  using directory = temporaryDirectory()
  await using lunette = startLunette(directory.path, ['--listen', '127.0.0.1:0'])
  lunette.closeStdout()
  await lunette.printed('"serving"')
  lunette.signal('SIGTERM')
  expect(await lunette.ended).toEqual({ exitCode: 0, signal: null })
  expect(lunette.stderr()).not.toContain('internal error')
})
