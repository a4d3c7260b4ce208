/**
 * Files that exist and are to become LUNs: found, looked at, and refused when serving them would show what nobody may see or
 * corrupt what somebody else writes.
 */

import { accessSync, constants, realpathSync, type Stats, statSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { causeOf, Failure } from '../failure.ts'
import { isIsoImage } from './iso-image.ts'

/** What the server itself keeps in the data directory. */
const OWN_FILE = /^(?:\.|lunette\.db|secrets\.key|api-token)/

export interface FoundFile {
  /** Real and absolute. */
  readonly path: string
  readonly sizeBytes: number
  readonly isCdImage: boolean
}

/** `givenPath` is absolute, or relative to the data directory. Errors: `Failure`. */
export function findLunFile(
  dataDirectory: string,
  givenPath: string,
  { isReadOnly }: { readonly isReadOnly: boolean },
): FoundFile {
  const fail = (reason: string, cause?: unknown) => new Failure(`cannot serve ${givenPath}: ${reason}`, { cause })
  let path: string
  let stat: Stats
  let isCdImage: boolean
  try {
    path = realpathSync(resolve(dataDirectory, givenPath))
    stat = statSync(path)
    if (!stat.isFile()) throw fail('only regular files are served')
    if (dirname(path) === dataDirectory && OWN_FILE.test(basename(path))) throw fail('it belongs to the server itself')
    isCdImage = isIsoImage(path)
    accessSync(path, constants.R_OK | (isReadOnly || isCdImage ? 0 : constants.W_OK))
  } catch (error) {
    if (error instanceof Failure) throw error
    throw fail(causeOf(error), error)
  }
  if (stat.size === 0) throw fail('it is empty')
  if (!isReadOnly && !isCdImage && stat.nlink > 1) {
    throw fail(`it has ${stat.nlink} names (hard links), and another server could use it under another one`)
  }
  return { path, sizeBytes: stat.size, isCdImage }
}
