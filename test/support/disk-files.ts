/** Files that serve as disks in tests and benchmarks: empty ones, filled ones, and a file system with a large tree in it. */

import { createCipheriv } from 'node:crypto'
import { closeSync, cpSync, mkdirSync, openSync, symlinkSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { runTool } from './run-tool.ts'

const MIB = 2 ** 20
const CHUNK_BYTES = 4 * MIB

/** A file of `sizeBytes` that occupies nothing yet. */
export function createSparseFile(path: string, sizeBytes: number): void {
  writeFileSync(path, '')
  truncateSync(path, sizeBytes)
}

/** A file of `sizeBytes` of noise: incompressible, no two blocks alike, the same for the same seed. */
export function createNoiseFile(path: string, sizeBytes: number, seed: number): void {
  const noise = noiseSource(seed)
  const file = openSync(path, 'w')
  try {
    for (let offset = 0; offset < sizeBytes; offset += CHUNK_BYTES) {
      writeSync(file, noise(Math.min(CHUNK_BYTES, sizeBytes - offset)))
    }
  } finally {
    closeSync(file)
  }
}

/**
 * Makes the ext4 image `image` of `imageBytes` out of a directory tree in `scratch`: the installed packages of this
 * project, as a tree that grew by itself, and as much noise in files of all sizes as makes at least `treeBytes`.
 */
export async function createExt4Image(
  image: string,
  imageBytes: number,
  scratch: string,
  treeBytes: number,
): Promise<void> {
  const tree = join(scratch, 'tree')
  createTree(tree, treeBytes)
  createSparseFile(image, imageBytes)
  await runTool('mke2fs', ['-q', '-F', '-t', 'ext4', '-d', tree, image])
}

const PACKAGES = resolve(import.meta.dirname, '../../node_modules')

/** Sizes around the boundaries of file system blocks, and large ones. */
const FILE_SIZES_BYTES = [0, 1, 511, 512, 4095, 4096, 4097, 65_536, 1_000_003, 16 * MIB]

function createTree(tree: string, treeBytes: number): void {
  mkdirSync(tree)
  for (const name of ['fast-check', 'pino', 'typescript']) {
    cpSync(join(PACKAGES, name), join(tree, name), { recursive: true, verbatimSymlinks: true })
  }
  symlinkSync('typescript/package.json', join(tree, 'link'))
  const noise = noiseSource(1)
  let writtenBytes = 0
  for (let round = 0; writtenBytes < treeBytes; round++) {
    const directory = join(tree, `noise-${round % 7}`, `${round}`)
    mkdirSync(directory, { recursive: true })
    for (const size of FILE_SIZES_BYTES) {
      writeFileSync(join(directory, `${size}.bin`), noise(size))
      writtenBytes += size
    }
  }
}

/** AES in counter mode over zeroes is a fast source of noise that a seed decides. */
function noiseSource(seed: number): (sizeBytes: number) => Buffer {
  const key = Buffer.alloc(16)
  key.writeUInt32BE(seed)
  const cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(16))
  return (sizeBytes) => cipher.update(Buffer.alloc(sizeBytes))
}
