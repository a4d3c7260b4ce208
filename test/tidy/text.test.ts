import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { isSection } from './section-numbers.ts'
import { ROOT, readSourceFiles, type SourceFile } from './source-files.ts'

interface TextRule {
  readonly title: string
  readonly isBroken: (file: SourceFile) => boolean
  /** A text that breaks the rule, which proves that the rule is looked at. */
  readonly example: string
}

const LINES_MAX = 500

const TEXT_RULES: readonly TextRule[] = [
  {
    title: `has at most ${LINES_MAX} lines`,
    isBroken: ({ text }) => text.split('\n').length - 1 > LINES_MAX,
    example: '\n'.repeat(LINES_MAX + 1),
  },
  {
    title: 'leaves no work for later',
    isBroken: ({ text }) => /\b(TO[D]O|FI[X]ME|XX[X]|HAC[K])\b/.test(text),
    example: ['// TO', 'DO'].join(''),
  },
  {
    title: 'runs all of its tests',
    isBroken: ({ text }) => /\b(?:it|test|describe)\.(?:only|skip|todo|fails)\b/.test(text),
    example: ['it.', 'only("x")'].join(''),
  },
  {
    title: 'begins with a paragraph that says what it is, unless it is a test',
    isBroken: ({ path, text }) => !path.endsWith('.test.ts') && !/^(#!.*\n)?\/\*\*/.test(text),
    example: "import 'node:fs'\n",
  },
]

describe.each(TEXT_RULES)('every source file $title', ({ isBroken, example }) => {
  it('without exception', () => {
    expect(
      readSourceFiles()
        .filter(isBroken)
        .map((file) => file.path),
    ).toEqual([])
  })

  it('and a file that does not is found', () => {
    expect(isBroken({ path: 'src/example.ts', text: example })).toBe(true)
  })
})

describe('section numbers', () => {
  it.each(['protocol/', 'test/'])('of RFC 7143 that %s names exist', (folder) => {
    const wrong = readSourceFiles()
      .filter((file) => file.path.startsWith(folder))
      .flatMap((file) =>
        [...file.text.matchAll(/RFC 7143,? (?:section )?(\d+(?:\.\d+)?)/g)]
          .filter(([, section]) => !isSection(section!))
          .map(([tag]) => `${file.path}: ${tag}`),
      )
    expect(wrong).toEqual([])
  })
})

describe('README.md', () => {
  const readme = (): string => readFileSync(join(ROOT, 'README.md'), 'utf8')
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>
  }

  it('names only commands that package.json has', () => {
    const named = [...readme().matchAll(/npm run ([\w:-]+)/g)].map((match) => match[1]!)
    expect(named.filter((name) => !(name in scripts))).toEqual([])
  })

  it('names every command that package.json has, but for those that npm runs by itself', () => {
    const isNamed = (name: string): boolean => new RegExp(`npm (run )?${name}\\b`).test(readme())
    expect(Object.keys(scripts).filter((name) => name !== 'prepack' && !isNamed(name))).toEqual([])
  })

  it('links only to files that exist', () => {
    const links = [...readme().matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map((match) => match[1]!)
    expect(links.filter((link) => !existsSync(join(ROOT, link)))).toEqual([])
  })
})
