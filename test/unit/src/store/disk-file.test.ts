import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type Disk, type DiskRequest, prepareDisks } from '../../../../src/store/disk-file.ts'
import { Store } from '../../../../src/store/store.ts'
import { type TemporaryDirectory, temporaryDirectory } from '../../../support/temporary-directory.ts'

const MIB = 1024 ** 2

/** A directory with a store in `data` beside which the disks lie. */
function withStore(test: (directory: TemporaryDirectory, store: Store) => void): void {
  using directory = temporaryDirectory()
  mkdirSync(directory.file('data'))
  const store = new Store(directory.file('data'))
  try {
    test(directory, store)
  } finally {
    store.close()
  }
}

const request = (path: string, changes: Partial<DiskRequest> = {}): DiskRequest => ({
  path,
  sizeBytes: null,
  blockLengthBytes: null,
  readOnly: false,
  ...changes,
})

/** Prepare, release, and return what was prepared. */
function prepareOnce(store: Store, wanted: DiskRequest): Disk {
  const [disk] = prepareDisks(store, [wanted])
  disk?.release()
  return disk as Disk
}

describe('a disk that does not exist', () => {
  it('is made thin, for its owner only, and leaves nothing beside it', () => {
    withStore((directory, store) => {
      const disk = prepareOnce(store, request(directory.file('a.img'), { sizeBytes: 10 * 1024 ** 3 }))
      expect(disk).toMatchObject({ sizeBytes: 10 * 1024 ** 3, isNew: true, readOnly: false })
      expect(disk.record.blockLengthBytes).toBe(512)
      const stat = statSync(directory.file('a.img'))
      expect(stat).toMatchObject({ size: 10 * 1024 ** 3, blocks: 0, nlink: 1 })
      expect(stat.mode & 0o777).toBe(0o600)
      expect(readdirSync(directory.path).sort()).toEqual(['a.img', 'data'])
    })
  })

  it('takes the size for an absent disk when no other is asked for', () => {
    withStore((directory, store) => {
      const absent = { sizeBytesIfAbsent: 2 * MIB }
      expect(prepareOnce(store, request(directory.file('a.img'), absent)).sizeBytes).toBe(2 * MIB)
      expect(prepareOnce(store, request(directory.file('b.img'), { ...absent, sizeBytes: MIB })).sizeBytes).toBe(MIB)
      expect(prepareOnce(store, request(directory.file('b.img'), absent)).sizeBytes).toBe(MIB)
    })
  })

  it('has a new identity even where another disk was before', () => {
    withStore((directory, store) => {
      const wanted = request(directory.file('a.img'), { sizeBytes: MIB })
      const old = prepareOnce(store, { ...wanted, blockLengthBytes: 4096 })
      unlinkSync(directory.file('a.img'))
      const anew = prepareOnce(store, wanted)
      expect(anew.record.guid).not.toBe(old.record.guid)
      expect(anew.record.blockLengthBytes).toBe(512)
    })
  })

  it.each<[string, Partial<DiskRequest>, string]>([
    ['without a size', {}, 'give --size'],
    ['with --read-only', { sizeBytes: MIB, readOnly: true }, '--read-only makes no new disk'],
    ['with a size of half blocks', { sizeBytes: 4608, blockLengthBytes: 4096 }, 'no multiple of the block size 4096'],
    ['larger than the file system allows', { sizeBytes: 2 ** 53 - 512 }, 'file system cannot hold'],
  ])('is not made %s', (_what, changes, reason) => {
    withStore((directory, store) => {
      expect(() => prepareDisks(store, [request(directory.file('a.img'), changes)])).toThrow(reason)
      expect(readdirSync(directory.path)).toEqual(['data'])
    })
  })

  it('is not made in a directory that is not there, nor behind a dangling link', () => {
    withStore((directory, store) => {
      symlinkSync('nowhere.img', directory.file('link.img'))
      const sizeBytes = MIB
      expect(() => prepareDisks(store, [request(directory.file('no/a.img'), { sizeBytes })])).toThrow('no such file')
      expect(() => prepareDisks(store, [request(directory.file('link.img'), { sizeBytes })])).toThrow('symbolic link')
      expect(readdirSync(directory.path).sort()).toEqual(['data', 'link.img'])
    })
  })

  it('is made although an earlier attempt was cut short', () => {
    withStore((directory, store) => {
      writeFileSync(directory.file('.a.img.lunette-new'), 'half')
      expect(prepareOnce(store, request(directory.file('a.img'), { sizeBytes: MIB })).sizeBytes).toBe(MIB)
      expect(readdirSync(directory.path).sort()).toEqual(['a.img', 'data'])
    })
  })
})

describe('a disk that exists', () => {
  const CONTENT = Buffer.alloc(8192, 'bytes that matter ')

  it('is served as it is, with the same identity at every start and through every link', () => {
    withStore((directory, store) => {
      writeFileSync(directory.file('a.img'), CONTENT)
      symlinkSync('a.img', directory.file('link.img'))
      const first = prepareOnce(store, request(directory.file('a.img')))
      const second = prepareOnce(store, request(directory.file('link.img'), { sizeBytes: 8192, readOnly: true }))
      expect(first).toMatchObject({ sizeBytes: 8192, isNew: false, path: realpathSync(directory.file('a.img')) })
      expect(second.record).toEqual(first.record)
      expect(readFileSync(directory.file('a.img')).equals(CONTENT)).toBe(true)
    })
  })

  it('survives being made: the cut between its two names is repaired', () => {
    withStore((directory, store) => {
      writeFileSync(directory.file('a.img'), CONTENT)
      linkSync(directory.file('a.img'), directory.file('.a.img.lunette-new'))
      expect(prepareOnce(store, request(directory.file('a.img'))).sizeBytes).toBe(8192)
      expect(readFileSync(directory.file('a.img')).equals(CONTENT)).toBe(true)
    })
  })

  it.each<[string, Partial<DiskRequest>, string]>([
    [
      'another size',
      { sizeBytes: MIB },
      'exists with 8192 bytes (8 KiB), not the 1048576 of --size: nothing was changed',
    ],
    ['a smaller size', { sizeBytes: 4096 }, 'nothing was changed'],
    ['another block size than before', { blockLengthBytes: 4096 }, 'served with 512-byte blocks'],
  ])('loses nothing when it is asked for with %s', (_what, changes, reason) => {
    withStore((directory, store) => {
      writeFileSync(directory.file('a.img'), CONTENT)
      prepareOnce(store, request(directory.file('a.img')))
      expect(() => prepareDisks(store, [request(directory.file('a.img'), changes)])).toThrow(reason)
      expect(readFileSync(directory.file('a.img')).equals(CONTENT)).toBe(true)
      expect(readdirSync(directory.path).sort()).toEqual(['a.img', 'data'])
    })
  })

  it('keeps the block size that it was first served with', () => {
    withStore((directory, store) => {
      writeFileSync(directory.file('a.img'), CONTENT)
      prepareOnce(store, request(directory.file('a.img'), { blockLengthBytes: 4096 }))
      expect(prepareOnce(store, request(directory.file('a.img'))).record.blockLengthBytes).toBe(4096)
    })
  })

  it.each<[string, (path: string) => void, string]>([
    ['is empty', (path) => writeFileSync(path, ''), 'it is empty'],
    ['ends in half a block', (path) => truncateSync(path, 8191), '8191 bytes are no multiple of the block size 512'],
    ['has two names', (path) => linkSync(path, `${path}.2`), 'hard links'],
    ['is a directory', (path) => replaceWithDirectory(path), 'it is a directory'],
  ])('is refused when it %s', (_what, change, reason) => {
    withStore((directory, store) => {
      writeFileSync(directory.file('a.img'), CONTENT)
      change(directory.file('a.img'))
      expect(() => prepareDisks(store, [request(directory.file('a.img'))])).toThrow(reason)
      expect(store.findDisk(realpathSync(directory.file('a.img')))).toBeNull()
      expect(readdirSync(directory.path).filter((name) => name.includes('lunette'))).toEqual([])
    })
  })

  it('is refused when it is a device', () => {
    withStore((_directory, store) => {
      expect(() => prepareDisks(store, [request('/dev/null')])).toThrow('it is a special file')
    })
  })

  it('may be read under two names, and by two servers', () => {
    withStore((directory, store) => {
      writeFileSync(directory.file('a.img'), CONTENT)
      linkSync(directory.file('a.img'), directory.file('b.img'))
      const readOnly = { readOnly: true }
      const first = prepareDisks(store, [request(directory.file('a.img'), readOnly)])
      const second = prepareDisks(store, [request(directory.file('a.img'), readOnly)])
      for (const disk of [...first, ...second]) disk.release()
    })
  })

  it('without permission to write it can only be read, except by the administrator', () => {
    withStore((directory, store) => {
      writeFileSync(directory.file('a.img'), CONTENT)
      chmodSync(directory.file('a.img'), 0o400)
      const prepareToWrite = () => prepareOnce(store, request(directory.file('a.img')))
      if (process.getuid?.() === 0) expect(prepareToWrite().sizeBytes).toBe(8192)
      else expect(prepareToWrite).toThrow('permission denied to read and write it; --read-only needs less')
      expect(prepareOnce(store, request(directory.file('a.img'), { readOnly: true })).sizeBytes).toBe(8192)
    })
  })
})

describe('several disks', () => {
  it('are locked while they are in use, and all let go when one cannot be had', () => {
    withStore((directory, store) => {
      const paths = ['a.img', 'b.img', 'c.img'].map((name) => directory.file(name))
      const requests = paths.map((path) => request(path, { sizeBytes: MIB }))
      const held = prepareDisks(store, requests.slice(2))
      expect(() => prepareDisks(store, requests)).toThrow(`c.img is in use by process ${process.pid}`)
      for (const disk of held) disk.release()
      const disks = prepareDisks(store, requests)
      expect(disks.map(({ isNew }) => isNew)).toEqual([false, false, false])
      for (const disk of disks) disk.release()
      expect(readdirSync(directory.path).sort()).toEqual(['a.img', 'b.img', 'c.img', 'data'])
    })
  })

  it('must be different ones', () => {
    withStore((directory, store) => {
      writeFileSync(directory.file('a.img'), Buffer.alloc(512))
      symlinkSync('a.img', directory.file('link.img'))
      const requests = ['a.img', 'link.img'].map((name) => request(directory.file(name)))
      expect(() => prepareDisks(store, requests)).toThrow('a.img is given twice')
      const fresh = request(directory.file('new.img'), { sizeBytes: 1024 })
      expect(() => prepareDisks(store, [fresh, fresh])).toThrow('new.img is given twice')
      expect(existsSync(directory.file('new.img'))).toBe(false)
    })
  })
})

function replaceWithDirectory(path: string): void {
  unlinkSync(path)
  mkdirSync(path)
}
