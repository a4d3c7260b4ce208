import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { importsOf, ROOT, readSourceFiles, type SourceFile } from './source-files.ts'

/** What a tool finds by its name's ending or its folder; package.json's scripts and exports name the rest. */
const isEntryPoint = (path: string): boolean =>
  /\.(test|config|d)\.ts$|^test\/interop\/linux-guest\/scenarios\//.test(path)
const LOADED_BY_NAME = [
  'bench/load/load-main.ts',
  'test/support/install-test-tools.ts',
  'test/support/fake-server-main.ts',
  'test/support/lock-holder-main.ts',
  'test/support/migration-main.ts',
  'test/support/configuration-writer-main.ts',
]

const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>
  exports: Record<string, string>
  dependencies: Record<string, string>
}

function deadFiles(files: readonly SourceFile[], entryPoints: readonly string[]): string[] {
  const byPath = new Map(files.map((file) => [file.path, file]))
  const reached = new Set<string>()
  const waiting = [...entryPoints]
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const file = byPath.get(path)
    if (file === undefined || reached.has(path)) continue
    reached.add(path)
    waiting.push(...importsOf(file))
  }
  return files.map((file) => file.path).filter((path) => !reached.has(path))
}

const scriptFiles = Object.values(manifest.scripts).flatMap((script) => script.match(/\S+\.ts\b/g) ?? [])

/** What other programs may import, as source. */
const exported = Object.values(manifest.exports).map((path) => path.replace(/^\.\/dist\/(.*)\.js$/, '$1.ts'))

describe('every file', () => {
  const files = readSourceFiles()

  it('is reached from an entry point', () => {
    const tests = files.map((file) => file.path).filter(isEntryPoint)
    expect(deadFiles(files, [...scriptFiles, ...exported, ...tests, ...LOADED_BY_NAME])).toEqual([])
  })

  it('of the product is reached without the tests', () => {
    const product = files.filter((file) => /^(src|protocol|scsi)\//.test(file.path))
    const named = product.map((file) => file.path).filter(isEntryPoint)
    expect(deadFiles(product, ['src/main.ts', ...exported, ...named])).toEqual([])
  })

  it('that nobody imports is found', () => {
    const alive = { path: 'src/main.ts', text: "import './log.ts'" }
    const log = { path: 'src/log.ts', text: '' }
    expect(deadFiles([alive, log, { path: 'src/old.ts', text: "import './log.ts'" }], ['src/main.ts'])).toEqual([
      'src/old.ts',
    ])
  })
})

describe('every dependency', () => {
  it('is imported by the product', () => {
    const imported = new Set(
      readSourceFiles()
        .filter((file) => !/^(test|bench)\//.test(file.path))
        .flatMap(importsOf),
    )
    const isImported = (name: string) => [...imported].some((path) => path === name || path.startsWith(`${name}/`))
    expect(Object.keys(manifest.dependencies).filter((name) => !isImported(name))).toEqual([])
  })
})
