/**
 * Which folder may import what. The longest matching folder's rule holds; a file outside all of them may import
 * everything. Targets are folders of the project, packages, or built-in modules of Node.
 */

import { importsOf, SOURCE_FOLDERS, type SourceFile } from './source-files.ts'

/** Pure built-in modules: they do no I/O. */
const PURE = ['node:buffer', 'node:assert', 'node:assert/strict', 'node:util']
const PROTOCOL = ['protocol/', 'buffer-layout', ...PURE]
const PRODUCT = ['src/', 'protocol/', 'scsi/', 'node:', 'buffer-layout']
const SCSI = ['scsi/', 'buffer-layout', ...PURE]

export const LAYERS: Readonly<Record<string, readonly string[]>> = {
  'protocol/': PROTOCOL,
  'protocol/transport/': [...PROTOCOL, 'node:net', 'node:tls'],
  'protocol/login/': [...PROTOCOL, 'node:crypto'],
  'scsi/': SCSI,
  'scsi/backing/': [...SCSI, 'node:fs', 'node:fs/promises', 'node:worker_threads', 'node:ffi'],
  'src/': [...PRODUCT, 'pino'],
  'src/api/': [...PRODUCT, 'pino', 'fastify', '@fastify/swagger', 'typebox', 'typebox/', 'prom-client'],
  'src/management/declaration/': [...PRODUCT, 'typebox', 'typebox/compile'],
  'src/cli/': [...PRODUCT, 'pino', 'commander', 'cli-table3', 'cli-progress', '@bomb.sh/tab/commander', 'yaml'],
}

/** "PATH may not import WHAT", for each import that the layer of its file does not allow. */
export function layerViolations(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const layer = Object.keys(LAYERS)
      .filter((folder) => file.path.startsWith(folder))
      .reduce((longest, folder) => (folder.length > longest.length ? folder : longest), '')
    const allowed = LAYERS[layer]
    if (allowed === undefined) return []
    return importsOf(file)
      .filter((target) => !allowed.some((prefix) => matches(target, prefix)))
      .map((target) => `${file.path} may not import ${target}`)
  })
}

function matches(target: string, allowed: string): boolean {
  return allowed.endsWith('/') || allowed.endsWith(':') ? target.startsWith(allowed) : target === allowed
}

/** Chains of imports inside one layer that come back to where they began are told as "A -> B -> A". */
export function importCycles(files: readonly SourceFile[]): string[] {
  const graph = new Map(files.map((file) => [file.path, valueImportsOf(file)]))
  const done = new Set<string>()
  const cycles: string[] = []
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) cycles.push([...trail.slice(trail.indexOf(path)), path].join(' -> '))
    if (done.has(path) || trail.includes(path)) return
    for (const target of graph.get(path) ?? []) visit(target, [...trail, path])
    done.add(path)
  }
  for (const path of graph.keys()) visit(path, [])
  return cycles
}

/** A type that is imported is gone at run time, so that two files may name each other's types. */
function valueImportsOf(file: SourceFile): string[] {
  const text = file.text.replace(/^(import|export) type\b[^'"]*['"][^'"]+['"]/gm, '')
  return importsOf({ path: file.path, text }).filter((target) =>
    SOURCE_FOLDERS.some((folder) => target.startsWith(folder)),
  )
}
