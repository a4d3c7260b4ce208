import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type DiskFileOptions, deviceNumbers, openDiskFile } from '../../../../scsi/backing/disk-file.ts'
import { directoryForTest } from '../../../support/raw-file-stores.ts'

/** Opens, closes, and tells the size. */
async function sizeOf(path: string, options: DiskFileOptions = {}): Promise<number> {
  const file = await openDiskFile(path, options)
  closeSync(file.fd)
  return file.sizeBytes
}

describe('opening a disk', () => {
  it('makes a sparse file that only its owner may read', async () => {
    const path = directoryForTest().file('new.img')
    expect(await sizeOf(path, { createSizeBytes: 10 * 2 ** 30 })).toBe(10 * 2 ** 30)
    const stats = statSync(path)
    expect(stats.size).toBe(10 * 2 ** 30)
    expect(stats.blocks * 512).toBeLessThan(2 ** 20)
    if (process.platform !== 'win32') expect(stats.mode & 0o777).toBe(0o600)
  })

  it.each([3, 4096, 100_000])(
    'leaves an existing file of %d bytes as it is, whatever size was asked for',
    async (size) => {
      const path = directoryForTest().file('old.img')
      writeFileSync(path, Buffer.alloc(size, 7))
      expect(await sizeOf(path, { createSizeBytes: 50_000 })).toBe(size)
      expect(readFileSync(path)).toEqual(Buffer.alloc(size, 7))
    },
  )

  it('gives an existing empty file its size, as after a crash in the middle of making it', async () => {
    const path = directoryForTest().file('empty.img')
    writeFileSync(path, '')
    expect(await sizeOf(path, { createSizeBytes: 8192 })).toBe(8192)
  })

  it.each([
    { title: 'nothing', make: () => {}, complaint: 'does not exist' },
    { title: 'a directory', make: (path: string) => mkdirSync(path), complaint: 'is a directory' },
    { title: 'an empty file', make: (path: string) => writeFileSync(path, ''), complaint: 'is empty' },
    { title: 'a named pipe', make: (path: string) => execFileSync('mkfifo', [path]), complaint: 'is a special file' },
  ])('refuses $title, and says so', async ({ make, complaint }) => {
    const path = directoryForTest().file('odd')
    make(path)
    await expect(openDiskFile(path, {})).rejects.toThrow(`${path}: ${complaint}`)
    await expect(openDiskFile(path, { isReadOnly: true })).rejects.toThrow(`${path}: ${complaint}`)
  })

  it('refuses a character device', async () => {
    await expect(openDiskFile('/dev/null', {})).rejects.toThrow('/dev/null: is a character device; a disk is')
  })

  it.each([
    { title: 'read-only', options: { isReadOnly: true, createSizeBytes: 4096 }, complaint: 'read-only' },
    { title: 'with no size', options: { createSizeBytes: 0 }, complaint: 'not 0' },
    { title: 'with half a size', options: { createSizeBytes: 0.5 }, complaint: 'not 0.5' },
    { title: 'that no file system holds', options: { createSizeBytes: 2 ** 53 - 1 }, complaint: 'cannot have' },
  ])('refuses to make a disk $title', async ({ options, complaint }) => {
    await expect(openDiskFile(directoryForTest().file('new.img'), options)).rejects.toThrow(complaint)
  })

  it('refuses to make a disk in a directory that is not there', async () => {
    const path = directoryForTest().file('missing/new.img')
    await expect(openDiskFile(path, { createSizeBytes: 4096 })).rejects.toThrow(`${path}: cannot be created: ENOENT`)
  })
})

it.each([
  { rdev: 0x0801, major: 8, minor: 1 },
  { rdev: 0x4931_03e0, major: 0x103, minor: 0x493e0 },
])('takes device number $rdev apart', ({ rdev, major, minor }) => {
  expect(deviceNumbers(rdev)).toEqual({ major, minor })
})
