import { linkSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { findLunFile } from '../../../../src/store/lun-file.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

const WRITABLE = { isReadOnly: false }

describe('a file that is to become a LUN', () => {
  it('is found by its path in the data directory and by a link to it', () => {
    using directory = temporaryDirectory()
    const data = realpathSync(directory.path)
    mkdirSync(directory.file('luns'))
    writeFileSync(directory.file('luns/a.img'), 'x'.repeat(512))
    symlinkSync(directory.file('luns/a.img'), directory.file('link'))
    const found = { path: `${data}/luns/a.img`, sizeBytes: 512, isCdImage: false }
    for (const path of ['luns/a.img', 'link', `${data}/luns/a.img`])
      expect(findLunFile(data, path, WRITABLE)).toEqual(found)
  })

  it.each(['lunette.db', 'lunette.db-wal', 'secrets.key', 'api-token', '.lunette-lock'])(
    'is none of the server itself: %s, by whatever name',
    (name) => {
      using directory = temporaryDirectory()
      const data = realpathSync(directory.path)
      writeFileSync(directory.file(name), 'x')
      symlinkSync(directory.file(name), directory.file('harmless.img'))
      for (const path of [name, 'harmless.img']) {
        expect(() => findLunFile(data, path, { isReadOnly: true })).toThrow('belongs to the server itself')
      }
    },
  )

  it('is refused with what speaks against it', () => {
    using directory = temporaryDirectory()
    const data = realpathSync(directory.path)
    writeFileSync(directory.file('empty'), '')
    writeFileSync(directory.file('one'), 'x')
    linkSync(directory.file('one'), directory.file('two'))
    expect(() => findLunFile(data, 'none', WRITABLE)).toThrow('cannot serve none: no such file or directory')
    expect(() => findLunFile(data, '.', WRITABLE)).toThrow('only regular files are served')
    expect(() => findLunFile(data, 'empty', WRITABLE)).toThrow('it is empty')
    expect(() => findLunFile(data, 'one', WRITABLE)).toThrow('2 names')
    expect(findLunFile(data, 'one', { isReadOnly: true }).sizeBytes).toBe(1)
  })
})
