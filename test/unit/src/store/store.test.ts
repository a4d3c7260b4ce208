import { mkdirSync, readdirSync, realpathSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { prepareOwnName } from '../../../../protocol/names.ts'
import { openDataDirectory } from '../../../../src/store/data-directory.ts'
import { Store } from '../../../../src/store/store.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

describe('Store', () => {
  it('generates a valid target name once', () => {
    using directory = temporaryDirectory()
    const first = new Store(directory.path)
    const name = first.targetName()
    expect(prepareOwnName(name)).toBe(name)
    expect(first.targetName()).toBe(name)
    first.close()
    const second = new Store(directory.path)
    expect(second.targetName()).toBe(name)
    second.close()
  })

  it('remembers disks by their path, inside the data directory wherever that moves', () => {
    using directory = temporaryDirectory()
    const [here, there] = [directory.file('here'), directory.file('there')]
    mkdirSync(here)
    const before = new Store(here)
    const inside = before.addDisk(`${here}/disks/a.img`, 512)
    const outside = before.addDisk(directory.file('b.img'), 4096)
    const sibling = before.addDisk(`${here}-not/a.img`, 512)
    const hidden = before.addDisk(`${here}/..a.img`, 512)
    before.close()

    renameSync(here, there)
    const after = new Store(there)
    expect(after.findDisk(`${there}/disks/a.img`)).toEqual(inside)
    expect(after.findDisk(`${there}/..a.img`)).toEqual(hidden)
    expect(after.findDisk(directory.file('b.img'))).toEqual(outside)
    expect(after.findDisk(`${here}-not/a.img`)).toEqual(sibling)
    expect(after.findDisk(`${here}/disks/a.img`)).toBeNull()
    after.close()
  })

  it('gives a disk that is made anew a new identity', () => {
    using directory = temporaryDirectory()
    const store = new Store(directory.path)
    const old = store.addDisk('/a.img', 512)
    const anew = store.addDisk('/a.img', 4096)
    expect(anew.guid).not.toBe(old.guid)
    expect(store.findDisk('/a.img')).toEqual(anew)
    store.close()
  })
})

describe('the saved state of a disk', () => {
  it('is there for its disk alone, over a restart, until it is forgotten', () => {
    using directory = temporaryDirectory()
    const before = new Store(directory.path)
    const [a, b] = ['/a.img', '/b.img'].map((path) => before.addDisk(path, 512))
    before.savedStateOf(a!).write('kept', Buffer.from([0, 1, 255]))
    before.savedStateOf(a!).write('kept', Buffer.from([2]))
    before.savedStateOf(a!).write('forgotten', Buffer.from([3]))
    before.savedStateOf(a!).write('forgotten', null)
    before.savedStateOf(b!).write('kept', Buffer.alloc(0))
    before.close()

    const after = new Store(directory.path)
    expect(['kept', 'forgotten'].map((key) => after.savedStateOf(a!).read(key))).toEqual([Buffer.from([2]), null])
    expect(after.savedStateOf(b!).read('kept')).toEqual(Buffer.alloc(0))
    after.close()
  })

  it('goes with a disk that is made anew', () => {
    using directory = temporaryDirectory()
    const store = new Store(directory.path)
    const old = store.addDisk('/a.img', 512)
    store.savedStateOf(old).write('key', Buffer.from([1]))
    const anew = store.addDisk('/a.img', 512)
    expect(store.savedStateOf(anew).read('key')).toBeNull()
    expect(store.savedStateOf(old).read('key')).toBeNull()
    expect(() => store.savedStateOf(old).write('key', Buffer.from([2]))).toThrow('FOREIGN KEY')
    store.close()
  })
})

describe('openDataDirectory', () => {
  it('makes it for its owner only, and lets one server in at a time', () => {
    using directory = temporaryDirectory()
    const path = directory.file('deep/data')
    const first = openDataDirectory(path)
    expect(first.path).toBe(realpathSync(path))
    expect(statSync(path).mode & 0o777).toBe(0o700)
    for (const name of readdirSync(path))
      expect([name, statSync(`${path}/${name}`).mode & 0o777]).toEqual([name, 0o600])
    expect(() => openDataDirectory(path)).toThrow(
      `the data directory ${first.path} is in use by process ${process.pid}`,
    )
    first.close()
    expect(readdirSync(path)).toEqual(['lunette.db'])
    openDataDirectory(path).close()
  })

  it('is free again after its database turned out to be damaged', () => {
    using directory = temporaryDirectory()
    writeFileSync(directory.file('lunette.db'), '')
    expect(() => openDataDirectory(directory.path)).toThrow('not a database of Lunette')
    expect(() => openDataDirectory(directory.path)).toThrow('not a database of Lunette')
    expect(readdirSync(directory.path)).toEqual(['lunette.db'])
  })

  it('is made with the folders above it', () => {
    using directory = temporaryDirectory()
    openDataDirectory(directory.file('a/b/c')).close()
    expect(readdirSync(directory.file('a/b'))).toEqual(['c'])
  })

  it.runIf(process.platform === 'linux')('says when the system has no room for it', () => {
    expect(() => openDataDirectory('/proc/none/data')).toThrow('cannot create the data directory /proc/none/data')
  })

  it('says when a file is in the way', () => {
    using directory = temporaryDirectory()
    writeFileSync(directory.file('file'), '')
    for (const name of ['file', 'file/data']) {
      expect(() => openDataDirectory(directory.file(name))).toThrow('a file of that name is in the way')
    }
  })
})
