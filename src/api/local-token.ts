/**
 * The token of the administrator of this machine: a file in the data directory that only its owner may read, and that the
 * command line reads. Whoever can read it could read the disks as well, so it gives nothing away. It is made at the first
 * start, and anew when it is gone, no longer valid, or was open to others.
 */

import { closeSync, fstatSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { causeOf, Failure, systemErrorCode } from '../failure.ts'
import { syncDirectory } from '../store/database.ts'
import type { Tokens } from './tokens.ts'

export const LOCAL_TOKEN_FILE_NAME = 'api-token'
export const LOCAL_TOKEN_NAME = 'local'

const FILE_BYTES_MAX = 1024
const OTHERS_MODE = 0o077

/** See that the file is there and valid. Errors: `Failure`. */
export function ensureLocalToken(dataDirectory: string, tokens: Tokens): void {
  const path = join(dataDirectory, LOCAL_TOKEN_FILE_NAME)
  try {
    const text = readPrivateText(path)
    if (text !== null && tokens.find(text)?.name === LOCAL_TOKEN_NAME) return
    const old = tokens.list().find(({ name }) => name === LOCAL_TOKEN_NAME)
    if (old !== undefined) tokens.remove(old.id)
    writePrivateText(path, tokens.create(LOCAL_TOKEN_NAME, 'administrator').text)
    syncDirectory(dataDirectory)
  } catch (error) {
    throw new Failure(`cannot write the administrator's token to ${path}: ${causeOf(error)}`, { cause: error })
  }
}

/** Null when there is no such file, or others could have read it. */
function readPrivateText(path: string): string | null {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return null
    throw error
  }
  try {
    const { mode, size } = fstatSync(fd)
    const isOpen = process.platform !== 'win32' && (mode & OTHERS_MODE) !== 0
    return isOpen || size > FILE_BYTES_MAX ? null : readFileSync(fd, 'utf8').trim()
  } finally {
    closeSync(fd)
  }
}

function writePrivateText(path: string, text: string): void {
  const unfinished = `${path}.new`
  rmSync(unfinished, { force: true })
  const fd = openSync(unfinished, 'wx', 0o600)
  try {
    writeSync(fd, `${text}\n`)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  renameSync(unfinished, path)
}
