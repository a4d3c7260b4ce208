import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { deviceNumbers, openDiskFile } from '../../../../scsi/backing/disk-file.ts'
import { directoryForTest } from '../../../support/raw-file-stores.ts'

/** Opens, closes, and tells the size. */
async function sizeOf(path: string): Promise<number> {
  const file = await openDiskFile(path, {})
  closeSync(file.fd)
  return file.sizeBytes
}

describe('opening a disk', () => {
  it('tells the size of a file and leaves it as it is', async () => {
    const path = directoryForTest().file('old.img')
    writeFileSync(path, Buffer.alloc(100_000, 7))
    expect(await sizeOf(path)).toBe(100_000)
    expect(readFileSync(path)).toEqual(Buffer.alloc(100_000, 7))
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
})

it.each([
  { rdev: 0x0801, major: 8, minor: 1 },
  { rdev: 0x4931_03e0, major: 0x103, minor: 0x493e0 },
])('takes device number $rdev apart', ({ rdev, major, minor }) => {
  expect(deviceNumbers(rdev)).toEqual({ major, minor })
})
