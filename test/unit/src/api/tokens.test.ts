import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ensureLocalToken, LOCAL_TOKEN_FILE_NAME } from '../../../../src/api/local-token.ts'
import { TOKENS_MAX, Tokens } from '../../../../src/api/tokens.ts'
import { Store } from '../../../../src/store/store.ts'
import { MemoryTokenStore } from '../../../support/api-fixture.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

describe('tokens', () => {
  it('are recognised, each with its role, and no others', () => {
    const tokens = new Tokens(new MemoryTokenStore())
    const { text } = tokens.create('a', 'viewer')
    tokens.create('b', 'administrator')
    expect(text).toMatch(/^lun_[A-Za-z0-9_-]{43}$/)
    expect(tokens.authenticate(text)).toEqual({ name: 'a', role: 'viewer' })
    for (const wrong of ['', text.slice(0, -1), `${text}A`, text.toUpperCase(), text.replace('lun_', 'LUN_')]) {
      expect(tokens.authenticate(wrong)).toBe(null)
    }
  })

  it('are kept as hashes only', () => {
    using directory = temporaryDirectory()
    const store = new Store(directory.path)
    const { text } = new Tokens(store.apiTokens()).create('a', 'viewer')
    store.close()
    const bytes = readFileSync(directory.file('lunette.db')).toString('latin1')
    expect(bytes).not.toContain(text)
    expect(bytes).not.toContain(text.slice('lun_'.length))
    const again = new Store(directory.path)
    expect(new Tokens(again.apiTokens()).authenticate(text)).toEqual({ name: 'a', role: 'viewer' })
    again.close()
  })

  it('remember their last use to the minute', () => {
    let now = new Date('2026-01-01T00:00:00Z')
    const tokens = new Tokens(new MemoryTokenStore(), () => now)
    const { text } = tokens.create('a', 'viewer')
    const lastUse = () => tokens.list()[0]!.lastUsedAt?.toISOString().slice(14, 19)
    expect(lastUse()).toBe(undefined)
    tokens.authenticate(text)
    now = new Date('2026-01-01T00:00:59Z')
    tokens.authenticate(text)
    expect(lastUse()).toBe('00:00')
    now = new Date('2026-01-01T00:01:00Z')
    tokens.authenticate(text)
    expect(lastUse()).toBe('01:00')
  })

  it('have names of their own, and are not too many', () => {
    const tokens = new Tokens(new MemoryTokenStore())
    tokens.create('a', 'viewer')
    expect(() => tokens.create('a', 'operator')).toThrow('already')
    for (let index = 1; index < TOKENS_MAX; index++) tokens.create(`a${index}`, 'viewer')
    expect(() => tokens.create('b', 'viewer')).toThrow(String(TOKENS_MAX))
  })
})

describe("the local administrator's token", () => {
  const read = (path: string) => readFileSync(`${path}/${LOCAL_TOKEN_FILE_NAME}`, 'utf8').trim()

  it('is made at the first start, for its owner alone, and stays', () => {
    using directory = temporaryDirectory()
    const tokens = new Tokens(new MemoryTokenStore())
    ensureLocalToken(directory.path, tokens)
    const text = read(directory.path)
    expect(statSync(directory.file(LOCAL_TOKEN_FILE_NAME)).mode & 0o777).toBe(0o600)
    expect(tokens.authenticate(text)).toEqual({ name: 'local', role: 'administrator' })
    ensureLocalToken(directory.path, tokens)
    expect(read(directory.path)).toBe(text)
    expect(tokens.list()).toHaveLength(1)
  })

  it.each<[string, (path: string) => void]>([
    ['is gone', (path) => rmSync(path)],
    ['was open to others', (path) => chmodSync(path, 0o644)],
    ['holds something else', (path) => writeFileSync(path, 'lun_x')],
  ])('is made anew when the file %s, and the old one is good for nothing', (_how, spoil) => {
    using directory = temporaryDirectory()
    const tokens = new Tokens(new MemoryTokenStore())
    ensureLocalToken(directory.path, tokens)
    const old = read(directory.path)
    spoil(directory.file(LOCAL_TOKEN_FILE_NAME))
    ensureLocalToken(directory.path, tokens)
    expect(tokens.authenticate(old)).toBe(null)
    expect(tokens.authenticate(read(directory.path))).toEqual({ name: 'local', role: 'administrator' })
    expect(statSync(directory.file(LOCAL_TOKEN_FILE_NAME)).mode & 0o777).toBe(0o600)
    expect(tokens.list()).toHaveLength(1)
  })

  it('that cannot be written is a failure', () => {
    using directory = temporaryDirectory()
    const tokens = new Tokens(new MemoryTokenStore())
    expect(() => ensureLocalToken(directory.file('nowhere'), tokens)).toThrow('cannot write the administrator')
  })
})
