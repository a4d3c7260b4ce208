import { mkdirSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type DiskRequest, prepareDisks } from '../../../../src/store/disk-file.ts'
import { Store } from '../../../../src/store/store.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

const SECTOR_BYTES = 2048

/** What is made of a file with this name and these contents. */
function prepare(name: string, contents: Buffer | null, changes: Partial<DiskRequest> = {}) {
  using directory = temporaryDirectory()
  mkdirSync(directory.file('data'))
  const store = new Store(directory.file('data'))
  try {
    if (contents !== null) writeFileSync(directory.file(name), contents)
    const request = { path: directory.file(name), sizeBytes: null, blockLengthBytes: null, readOnly: false, ...changes }
    const [disk] = prepareDisks(store, [request])
    disk!.release()
    return disk!
  } finally {
    store.close()
  }
}

function isoImage(sectors = 20): Buffer {
  const image = Buffer.alloc(sectors * SECTOR_BYTES)
  image.write('CD001', 16 * SECTOR_BYTES + 1, 'latin1')
  return image
}

describe('an image of a CD', () => {
  it.each(['boot.iso', 'BOOT.ISO'])('is known by ISO 9660 in %s', (name) => {
    expect(prepare(name, isoImage())).toMatchObject({ deviceType: 'cdDvd', blockLengthBytes: 2048, readOnly: true })
  })

  it.each([
    ['ISO 9660 under another name', 'boot.img', isoImage()],
    ['something else under such a name', 'boot.iso', Buffer.alloc(64 * SECTOR_BYTES)],
    ['a file that is too short', 'boot.iso', Buffer.alloc(512)],
  ])('is not %s', (_what, name, contents) => {
    expect(prepare(name, contents)).toMatchObject({ deviceType: 'disk', blockLengthBytes: 512 })
  })

  it('is what the request says', () => {
    expect(prepare('boot.iso', isoImage(), { isCd: false }).deviceType).toBe('disk')
    expect(prepare('boot.img', Buffer.alloc(SECTOR_BYTES), { isCd: true }).deviceType).toBe('cdDvd')
  })

  it.each([
    ['does not exist', null, { isCd: true }, 'does not exist: check the name of the CD image'],
    ['is empty', Buffer.alloc(0), { isCd: true }, 'it is empty, and no image of a CD'],
    ['has half a sector', Buffer.alloc(3072), { isCd: true }, 'no multiple of the block size 2048'],
    ['is to have other blocks', isoImage(), { blockLengthBytes: 4096 }, 'add --no-cd to serve it as a disk'],
  ] as const)('is refused when it %s', (_why, contents, changes, problem) => {
    expect(() => prepare('boot.iso', contents, changes)).toThrow(problem)
  })
})
