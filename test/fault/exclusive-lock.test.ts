import { existsSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { acquireExclusiveLock } from '../../src/store/exclusive-lock.ts'
import { type LunetteProcess, startLunette } from '../support/command-line.ts'
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporary-directory.ts'

const HOLDER_MAIN = resolve(import.meta.dirname, '../support/lock-holder-main.ts')

const startHolder = (directory: TemporaryDirectory, ...args: string[]): LunetteProcess =>
  startLunette(directory.path, args, {}, HOLDER_MAIN)

describe('an exclusive lock', () => {
  it('keeps another process out, naming the one that holds it, until it is killed', async () => {
    using directory = temporaryDirectory()
    const path = directory.file('lock')
    await using holder = startHolder(directory, 'hold', path)
    await holder.printed('held')
    expect(() => acquireExclusiveLock(path, 'the disk')).toThrow(`the disk is in use by process ${holder.pid}: `)
    holder.signal('SIGKILL')
    await holder.ended
    expect(existsSync(path)).toBe(true)
    acquireExclusiveLock(path, 'the disk').release()
    expect(readdirSync(directory.path)).toEqual([])
  })

  it('stays held while somebody else fails to take it', async () => {
    using directory = temporaryDirectory()
    const path = directory.file('lock')
    await using holder = startHolder(directory, 'hold', path)
    await holder.printed('held')
    for (let attempt = 0; attempt < 3; attempt++) {
      expect(() => acquireExclusiveLock(path, 'the disk')).toThrow('in use')
    }
  })

  it('is held once within a process too, where another attempt must not drop it', async () => {
    using directory = temporaryDirectory()
    const path = directory.file('lock')
    const lock = acquireExclusiveLock(path, 'the disk')
    expect(() => acquireExclusiveLock(path, 'the disk')).toThrow(`in use by process ${process.pid}`)
    await using contender = startHolder(directory, 'hold', path)
    await contender.ended
    expect(contender.stderr()).toContain(`the disk is in use by process ${process.pid}`)
    lock.release()
  })

  it('is never held by two of several processes that come and go', async () => {
    using directory = temporaryDirectory()
    const contenders = Array.from({ length: 3 }, () => startHolder(directory, 'contend', directory.file('lock'), '60'))
    for (const contender of contenders) {
      expect(await contender.ended).toEqual({ exitCode: 0, signal: null })
      expect(contender.stderr()).toBe('')
    }
    expect(contenders.map((contender) => contender.stdout()).join()).toContain('acquired some')
    expect(readdirSync(directory.path)).toEqual([])
  })

  it('is readable for its owner only', () => {
    using directory = temporaryDirectory()
    const lock = acquireExclusiveLock(directory.file('lock'), 'the disk')
    expect(statSync(directory.file('lock')).mode & 0o777).toBe(0o600)
    lock.release()
  })

  it('leaves a file alone that is none of its own', () => {
    using directory = temporaryDirectory()
    writeFileSync(directory.file('lock'), 'somebody’s notes '.repeat(100))
    expect(() => acquireExclusiveLock(directory.file('lock'), 'the disk')).toThrow('is not a lock file of Lunette')
    expect(statSync(directory.file('lock')).size).toBeGreaterThan(1000)
  })

  it.each(['an empty file', 'nothing'])('follows no symbolic link to %s', (target) => {
    using directory = temporaryDirectory()
    const [path, elsewhere] = [directory.file('lock'), directory.file('elsewhere')]
    if (target === 'an empty file') writeFileSync(elsewhere, '')
    symlinkSync(elsewhere, path)
    expect(() => acquireExclusiveLock(path, 'the disk')).toThrow('is not a lock file of Lunette')
    expect(existsSync(elsewhere) ? statSync(elsewhere).size : 0).toBe(0)
    expect(readdirSync(directory.path)).toHaveLength(target === 'nothing' ? 1 : 2)
  })

  it('says why when its file cannot be made', () => {
    using directory = temporaryDirectory()
    const path = directory.file('no/lock')
    expect(() => acquireExclusiveLock(path, 'the disk')).toThrow(`cannot lock the disk: cannot create ${path}: no such`)
  })
})
