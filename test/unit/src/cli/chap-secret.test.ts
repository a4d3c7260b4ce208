import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { loadChapSecret } from '../../../../src/cli/chap-secret.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

const OPTION = '--chap-secret-file'

function load(content: string | Buffer, mode = 0o600, mayBeShort = false) {
  using directory = temporaryDirectory()
  const path = directory.file('secret')
  writeFileSync(path, content)
  chmodSync(path, mode)
  return loadChapSecret(OPTION, path, mayBeShort)
}

describe('[SEC-18] loadChapSecret', () => {
  it.each(['twelve-bytes', 'sixteen-bytes-16'])('takes the line %j without its end and without a warning', (secret) => {
    for (const end of ['', '\n', '\r\n']) {
      expect(load(secret + end)).toEqual({ secret: Buffer.from(secret), warnings: [] })
    }
  })

  it('keeps spaces, and bytes that are no text', () => {
    const secret = Buffer.concat([Buffer.from(' spaced out '), Buffer.from([0xff, 0x00, 0x80])])
    expect(load(secret).secret).toEqual(secret)
  })

  it('takes up to 255 bytes with a warning that names Windows', () => {
    for (const length of [17, 255]) {
      const { secret, warnings } = load('x'.repeat(length))
      expect(secret).toHaveLength(length)
      expect(warnings).toEqual([expect.stringContaining('Windows')])
    }
  })

  it.each([0o644, 0o640, 0o604])('warns about a file of mode %o', (mode) => {
    expect(load('twelve-bytes', mode).warnings).toEqual([expect.stringContaining('chmod 600')])
  })

  it.each([
    ['nothing', '', 'empty'],
    ['an empty line', '\n', 'empty'],
    ['11 bytes', 'x'.repeat(11), '11 bytes: at least 12'],
    ['11 bytes and a line end', `${'x'.repeat(11)}\r\n`, '11 bytes: at least 12'],
    ['256 bytes', 'x'.repeat(256), 'more than 255'],
    ['far too much', 'x'.repeat(100_000), 'more than 255'],
    ['two lines', 'first-line-12\nsecond-line-12\n', 'more than one line'],
    ['two line ends', 'twelve-bytes\n\n', 'more than one line'],
    ['a byte order mark', '\ufefftwelve-bytes', 'byte order mark'],
  ])('refuses %s, naming option, file and reason but never the secret', (_what, content, reason) => {
    expect(() => load(content)).toThrow(reason)
    try {
      load(content)
    } catch (error) {
      const { message } = error as Error
      expect(message).toMatch(/^--chap-secret-file \S+secret: /)
      if (content.trim().length > 0) expect(message).not.toContain(content.trim().slice(0, 11))
    }
  })

  it.each([
    ['hex:00112233445566778899AAbb', '00112233445566778899aabb'],
    ['base64:AAECAwQFBgcICQoLDA==\n', '000102030405060708090a0b0c'],
    [`hex:${'0a'.repeat(16)}\r\n`, '0a'.repeat(16)],
  ])('reads the binary secret %j, and warns that the printed commands show its notation', (content, bytes) => {
    const { secret, warnings } = load(content)
    expect(secret.toString('hex')).toBe(bytes)
    expect(warnings).toEqual([expect.stringContaining('is binary')])
  })

  it.each([
    ['hex:', 'no even number of hex digits'],
    ['hex:0011223344556677889900112', 'no even number of hex digits'],
    ['hex:00112233 4455', 'no even number of hex digits'],
    ['base64:', 'is not base64'],
    ['base64:AAECAwQFBgcICQoLDA', 'is not base64'],
    [`hex:${'00'.repeat(11)}`, 'has 11 bytes: at least 12'],
  ])('refuses the binary secret %j', (content, reason) => {
    expect(() => load(content)).toThrow(reason)
  })

  it.each(['0b123456789012', '0x123456789012'])('takes %s as text, which random hex digits may look like', (text) => {
    expect(load(text).secret.toString()).toBe(text)
  })

  it('accepts short secrets with a warning where that is asked for, but no empty one', () => {
    const { secret, warnings } = load('short', 0o600, true)
    expect(secret.toString()).toBe('short')
    expect(warnings).toEqual([expect.stringContaining('5 bytes: at least 12 are needed')])
    expect(() => load('', 0o600, true)).toThrow('empty')
    expect(() => load('short')).toThrow('--allow-short-secrets accepts that')
  })

  it('refuses a file that is not there, and a directory', () => {
    using directory = temporaryDirectory()
    mkdirSync(directory.file('directory'))
    expect(() => loadChapSecret(OPTION, directory.file('absent'))).toThrow('no such file')
    expect(() => loadChapSecret(OPTION, directory.file('directory'))).toThrow('it is a directory')
  })
})
