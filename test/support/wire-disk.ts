/** Whole disks through the test initiator, a command at a time: LUN 0, 512-byte blocks, every command checked. */

import assert from 'node:assert/strict'
import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import type { WireInitiator } from './wire-initiator.ts'
import { execute, GOOD, read10, write10 } from './wire-scsi.ts'

const BLOCK_BYTES = 512
const COMMAND_BYTES = 2 ** 20

/** Writes the file at `path`, a whole number of blocks, to the beginning of the disk. */
export async function writeDisk(initiator: WireInitiator, path: string): Promise<void> {
  const file = openSync(path, 'r')
  const buffer = Buffer.alloc(COMMAND_BYTES)
  try {
    for (let offset = 0; ; ) {
      const writeData = buffer.subarray(0, readSync(file, buffer, 0, COMMAND_BYTES, offset))
      if (writeData.length === 0) return
      const cdb = write10(offset / BLOCK_BYTES, writeData.length / BLOCK_BYTES)
      assert.equal((await execute(initiator, { cdb, writeData })).status, GOOD)
      offset += writeData.length
    }
  } finally {
    closeSync(file)
  }
}

/** Reads the first `sizeBytes` of the disk, a whole number of blocks, into the file at `path`. */
export async function readDisk(initiator: WireInitiator, path: string, sizeBytes: number): Promise<void> {
  const file = openSync(path, 'w')
  try {
    for (let offset = 0; offset < sizeBytes; offset += COMMAND_BYTES) {
      const readBytes = Math.min(COMMAND_BYTES, sizeBytes - offset)
      const outcome = await execute(initiator, {
        cdb: read10(offset / BLOCK_BYTES, readBytes / BLOCK_BYTES),
        readBytes,
      })
      assert.equal(outcome.status, GOOD)
      writeSync(file, outcome.data)
    }
  } finally {
    closeSync(file)
  }
}
