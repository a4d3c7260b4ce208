/**
 * Raw file stores on temporary files, and a file system that misbehaves on command.
 */

import { existsSync } from 'node:fs'
import { onTestFinished } from 'vitest'
import { type FileOperations, NODE_FILE_OPERATIONS } from '../../scsi/backing/file-operations.ts'
import { openRawFile, type RawFileOptions, type RawFileStore } from '../../scsi/backing/raw-file.ts'
import { createSparseFile } from './disk-files.ts'
import { temporaryDirectory } from './temporary-directory.ts'

/** A directory that is gone when the test is over. */
export function directoryForTest() {
  const directory = temporaryDirectory()
  onTestFinished(() => directory[Symbol.dispose]())
  return directory
}

/** Makes a sparse file where nothing is, and gives its path. */
export function sparseFile(path: string, sizeBytes: number): string {
  if (!existsSync(path)) createSparseFile(path, sizeBytes)
  return path
}

/** A raw file store on a new sparse file; the test closes it. */
export function makeRawFile(sizeBytes: number, options: RawFileOptions = {}): Promise<RawFileStore> {
  return openRawFile(sparseFile(directoryForTest().file('disk.img'), sizeBytes), options)
}

/** The real file system, but for the calls in `changes`. */
export function operationsWith(changes: Partial<FileOperations>): FileOperations {
  return { ...NODE_FILE_OPERATIONS, ...changes }
}

/** An error as a system call gives it. */
export function systemFailure(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code })
}
