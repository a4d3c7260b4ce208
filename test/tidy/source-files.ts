/** The project's own TypeScript files and what they import, read as text. Every rule in this folder starts from here. */

import { globSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

export const ROOT = resolve(import.meta.dirname, '../..')

export interface SourceFile {
  /** Relative to the root, with forward slashes. */
  readonly path: string
  readonly text: string
}

export const SOURCE_FOLDERS = ['protocol', 'scsi', 'src', 'bench', 'test'] as const

export function readSourceFiles(): SourceFile[] {
  const patterns = [...SOURCE_FOLDERS.map((folder) => `${folder}/**/*.ts`), '*.ts']
  return globSync(patterns, { cwd: ROOT })
    .map((path) => path.replaceAll('\\', '/'))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }))
}

/** What `file` imports or re-exports, types included: paths relative to the root, and names of packages as they are. */
export function importsOf(file: SourceFile): string[] {
  const specifiers = [...withoutComments(file.text).matchAll(IMPORT)].map((match) => match[1] ?? match[2] ?? match[3]!)
  return specifiers.map((specifier) =>
    specifier.startsWith('.') ? join(dirname(file.path), specifier).replaceAll('\\', '/') : specifier,
  )
}

const IMPORT =
  /^(?:import|export)\b[^'"`;=]*?\bfrom\s*['"]([^'"]+)['"]|^import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
}
