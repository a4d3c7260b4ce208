import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DISKRAID_COMMANDS } from '../../../../../src/cli/diskraid/command.ts'
import { parseDiskRaidSize, parseIndexes, parseLine } from '../../../../../src/cli/diskraid/parser.ts'
import { DiskRaidSyntaxError, tokenize } from '../../../../../src/cli/diskraid/tokens.ts'

describe('tokenize', () => {
  it.each([
    [
      'select lun 5',
      [
        [null, 'select'],
        [null, 'lun'],
        [null, '5'],
      ],
    ],
    [
      '  create   target\tname=web01 ',
      [
        [null, 'create'],
        [null, 'target'],
        ['name', 'web01'],
      ],
    ],
    ['name="two words"', [['name', 'two words']]],
    ['name="a ""quoted"" word"', [['name', 'a "quoted" word']]],
    [
      '"two words" secret=',
      [
        [null, 'two words'],
        ['secret', ''],
      ],
    ],
    ['initiator=iqn.a:b=c;iqn.d', [['initiator', 'iqn.a:b=c;iqn.d']]],
    ['"a=b"', [[null, 'a=b']]],
    ['=x', [[null, '=x']]],
    ['', []],
  ])('parts %s', (line, words) => {
    expect(tokenize(line).map(({ key, value }) => [key, value])).toEqual(words)
  })

  it('refuses a quote that is never closed', () => {
    expect(() => tokenize('name "web01')).toThrow(new DiskRaidSyntaxError('a quote is never closed: "web01'))
  })

  it('takes every line or refuses it, and loses no word', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...' "=ab;\t') }), (line) => {
        try {
          const length = tokenize(line).reduce((sum, { key, value }) => sum + (key?.length ?? 0) + value.length, 0)
          expect(length).toBeLessThanOrEqual(line.length)
          expect(line.trim() === '' || tokenize(line).length > 0).toBe(true)
        } catch (error) {
          expect(error).toBeInstanceOf(DiskRaidSyntaxError)
          expect(line.match(/"/g)!.length % 2).toBe(1)
        }
      }),
    )
  })
})

const parse = (line: string) => {
  const parsed = parseLine(line, DISKRAID_COMMANDS)
  if (parsed === null) return null
  const { row, parameters, flags, rest } = parsed
  return [row.words, Object.fromEntries(parameters), [...flags], rest]
}

describe('parseLine', () => {
  it.each([
    ['SEL LUN 5', ['select lun', {}, [], ['5']]],
    ['li l', ['list luns', {}, [], []]],
    ['det targ verb', ['detail target', {}, ['verbose'], []]],
    ['cre targ n="web 01" isc=iqn.x NOERR', ['create target', { name: 'web 01', iscsiname: 'iqn.x' }, ['noerr'], []]],
    ['create tportalgroup', ['create tportalgroup', {}, [], []]],
    ['create tpg', ['create tpgroup', {}, [], []]],
    ['cre lun sim size=20GB', ['create lun simple', { size: '20GB' }, [], []]],
    ['unmask lun add initiator=iqn.a;iqn.b', ['unmask lun', { initiator: 'iqn.a;iqn.b' }, ['add'], []]],
    ['unmask lun al', ['unmask lun', {}, ['all'], []]],
    ['associate targets add 0,2', ['associate targets', {}, ['add'], ['0,2']]],
    ['importtarget sub', ['importtarget subsystem', {}, [], []]],
    ['imp sub set targ', ['importtarget subsystem set target', {}, [], []]],
    ['name lun "all"', ['name lun', {}, [], ['all']]],
    ['name lun', ['name lun', {}, [], []]],
    ['chap target set secret= init=iqn.a', ['chap target set', { secret: '', initiator: 'iqn.a' }, [], []]],
    ['rescan', ['rescan', {}, [], []]],
    ['automagic set ftl=true mxs=3', ['automagic set', { ftl: 'true', mxs: '3' }, [], []]],
    ['automagic', ['automagic', {}, [], []]],
    ['maintenance lun blink count=3', ['maintenance', { count: '3' }, [], ['lun', 'blink']]],
    ['replace drive=3', ['replace', { drive: '3' }, [], []]],
    ['rem create target', null],
    ['REM', null],
    ['   ', null],
  ])('%s', (line, meaning) => {
    expect(parse(line)).toEqual(meaning)
  })

  it.each([
    ['frobnicate', /frobnicate is not understood: allowed here is .*select/],
    ['l', /l may be list or/],
    ['create', /the command is not complete: allowed here is target, .*lun/],
    ['create lun', /allowed here is simple, automagic, stripe, raid, mirror/],
    ['create target', /name= is missing: create target name=text/],
    ['create target name=a name=b', /name= is given twice/],
    ['create target name=a colour=b', /colour= is not understood/],
    ['select lun 1 2', /2 is not understood: select lun \[n\]/],
    ['"create" target name=a', /create is not understood/],
    ['reset', /the command is not complete: allowed here is controller, port/],
    ['unmask lun a', /a may be all or add/],
  ])('refuses %s', (line, complaint) => {
    expect(() => parse(line)).toThrow(complaint)
    expect(() => parse(line)).toThrow(DiskRaidSyntaxError)
  })

  it.each(DISKRAID_COMMANDS.map(({ words }) => words))('understands %s whole', (words) => {
    const row = DISKRAID_COMMANDS.find((candidate) => candidate.words === words)!
    const required = Object.entries(row.parameters ?? {}).filter(([, need]) => need === 'required')
    const line = [words.toUpperCase(), ...required.map(([name]) => `${name}=1`)].join(' ')
    expect(parse(line)?.[0]).toBe(words)
  })
})

describe('sizes and lists', () => {
  it.each([
    ['1', 1024 ** 2],
    ['512b', 512],
    ['20GB', 20 * 1024 ** 3],
    ['3 tb', 3 * 1024 ** 4],
    ['1PB', 1024 ** 5],
  ])('size=%s', (text, bytes) => {
    expect(parseDiskRaidSize(text)).toBe(bytes)
  })

  it.each(['', '0', '-1', '1.5GB', '1G', 'GB', '99999999999999PB'])('refuses size=%s', (text) => {
    expect(() => parseDiskRaidSize(text)).toThrow(/is no size: a number above 0/)
  })

  it('reads numbers between commas', () => {
    expect(parseIndexes('0,2,5')).toEqual([0, 2, 5])
    for (const text of ['', '0,', 'a', '-1', '0 1']) expect(() => parseIndexes(text)).toThrow(/is no list of numbers/)
  })
})
