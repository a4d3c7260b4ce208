import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ISCSI_NAME_BYTES_MAX, prepareName, prepareOwnName } from '../../../protocol/names.ts'

const problemOf = (outcome: string | { readonly problem: string }) =>
  typeof outcome === 'string' ? `accepted as ${outcome}` : outcome.problem

/** What RFC 3722 makes of each code point, as another implementation's tables say. */
function* profileOfEachCodePoint(): Generator<{ codePoint: number; prepared: string | null }> {
  const lines = readFileSync(new URL('../../../fixtures/names/rfc3722.txt', import.meta.url), 'utf8').split('\n')
  for (const line of lines.filter((text) => text !== '' && !text.startsWith('#'))) {
    const [range = '', verdict = ''] = line.split(' ')
    const [first = 0, last = first] = range.split('-').map((hex) => Number.parseInt(hex, 16))
    const mapped = verdict.split('+').map((hex) => Number.parseInt(hex, 16))
    for (let codePoint = first; codePoint <= last; codePoint++) {
      if (verdict === 'P') yield { codePoint, prepared: null }
      else if (verdict === '-') yield { codePoint, prepared: '' }
      else yield { codePoint, prepared: String.fromCodePoint(...(verdict === '=' ? [codePoint] : mapped)) }
    }
  }
}

describe('the string profile', () => {
  it('[NAME-5] [NAME-6] is that of RFC 3722 for every code point', () => {
    const differing: string[] = []
    let codePoints = 0
    for (const { codePoint, prepared } of profileOfEachCodePoint()) {
      const name = prepareOwnName(`iqn.2024-01.example:1${String.fromCodePoint(codePoint)}1`)
      const expected = prepared === null ? null : `iqn.2024-01.example:1${prepared}1`
      if ((typeof name === 'string' ? name : null) !== expected) differing.push(codePoint.toString(16))
      codePoints++
    }
    expect(differing).toEqual([])
    expect(codePoints).toBe(0x11_0000)
  })
})

describe('names from the wire', () => {
  it.each([
    ['IQN.2024-01.COM.Example:X', 'iqn.2024-01.com.example:x'],
    ['iqn.2024-01.com.example:\u1fc3\u0345', 'iqn.2024-01.com.example:\u03b7\u03b9\u03b9'],
    ['iqn.2024-13.com.example', 'iqn.2024-13.com.example'],
    ['iqn.2024-01.com.example:host_a', 'iqn.2024-01.com.example:host_a'],
    ['iqn.2024-01.com.example:ma\u00adny', 'iqn.2024-01.com.example:many'],
    ['iqn.2024-01.com.example:\uff21\uff22', 'iqn.2024-01.com.example:ab'],
    ['iqn.2024-01.com.example:Stra\u00dfe', 'iqn.2024-01.com.example:strasse'],
    ['iqn.2024-01.com.example:\u03a3\u03c2', 'iqn.2024-01.com.example:\u03c3\u03c3'],
    ['iqn.2024-01.com.example:e\u0301', 'iqn.2024-01.com.example:\u00e9'],
  ])('[NAME-6] [NAME-7] %s is prepared as %s', (received, prepared) => {
    expect(prepareName(received)).toBe(prepared)
  })

  it.each([
    ['eui.02004567A425678D', 'eui.02004567a425678d'],
    ['NAA.52004567BA64678D', 'naa.52004567ba64678d'],
  ])('[NAME-8] %s is the same name in lower case', (received, prepared) => {
    expect(prepareName(received)).toBe(prepared)
    expect(prepareOwnName(received)).toBe(prepared)
  })

  it.each(['\u0221', '\u{1f4be}'])('[NAME-6] refuses %j, which Unicode 3.2 does not have', (character) => {
    expect(problemOf(prepareName(`iqn.2024-01.com.example:${character}`))).toContain('is not allowed')
  })

  it('is refused by its length before it is normalised, which a run of combining marks makes slow', () => {
    const name = `iqn.a${'\u0301\u0323'.repeat(15_000)}`
    const beginMs = performance.now()
    expect(problemOf(prepareName(name))).toContain(`this one has ${Buffer.byteLength(name)}`)
    expect(performance.now() - beginMs).toBeLessThan(50)
  })

  it('[NAME-1] accepts 223 bytes and refuses 224', () => {
    const name = 'iqn.2024-01.com.example:'.padEnd(ISCSI_NAME_BYTES_MAX, 'x')
    expect(prepareName(name)).toBe(name)
    expect(problemOf(prepareName(`${name}x`))).toContain('at most 223 bytes, this one has 224')
    const wide = 'iqn.2024-01.com.example:'.padEnd(ISCSI_NAME_BYTES_MAX - 1, 'x')
    expect(problemOf(prepareName(`${wide}\u00e9`))).toContain('has 224')
  })

  it.each(['a b', 'a\u0001', 'a,i,0x00', 'a\u3002b', 'a\u00a0b', 'a\u202eb', 'a\ue000', 'iqn.x:\u05d0', 'a\ufffd'])(
    '[NAME-5] refuses %j and names the character',
    (name) => {
      expect(problemOf(prepareName(name))).toMatch(/^the character U\+[0-9A-F]{4} is not allowed/)
    },
  )

  it('refuses an empty name, also when nothing is left of it', () => {
    expect(problemOf(prepareName(''))).toContain('must not be empty')
    expect(problemOf(prepareName('\u200b'))).toContain('must not be empty')
  })

  it('prepares prepared names to themselves', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (received) => {
        const name = prepareName(received)
        if (typeof name === 'string') expect(prepareName(name)).toBe(name)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('names of our own', () => {
  it.each([
    'iqn.2001-04.com.example:diskarrays-sn-a8675309',
    'iqn.2001-04.com.example',
    'iqn.2001-04.com.example:a:b.c-d',
    'eui.02004567a425678d',
    'naa.52004567ba64678d',
    'naa.62004567ba64678d0123456789abcdef',
  ])('[NAME-2] accepts %s', (name) => {
    expect(prepareOwnName(name)).toBe(name)
  })

  it.each([
    ['iqn.2024-13.com.example', 'yyyy-mm'],
    ['iqn.24-01.com.example', 'yyyy-mm'],
    ['iqn.2024-01', 'yyyy-mm'],
    ['iqn.2024-01.com..example', 'yyyy-mm'],
    ['iqn.2024-01.com.example:', 'yyyy-mm'],
    ['eui.02004567a425678', '16 hex digits'],
    ['eui.02004567a425678g', '16 hex digits'],
    ['naa.52004567ba64678d00', '16 or 32 hex digits'],
    ['disk', 'begins with iqn., eui., naa.'],
    ['iqn.2024-01.com.example:host_a', 'U+005F'],
    ['iqn.2024-01.com.example:a/b', 'U+002F'],
    ['iqn.2024-01.com.example:a b', 'U+0020'],
  ])('[NAME-3] [NAME-4] [NAME-5] refuses %s and says what is allowed', (name, problem) => {
    expect(problemOf(prepareOwnName(name))).toContain(problem)
  })
})
