import { describe, it } from 'vitest'
import { POOLED_IO, SYNCHRONOUS_IO } from '../../../scsi/backing/io-policy.ts'
import { MemoryStore } from '../../../scsi/backing/memory.ts'
import { openRawFile } from '../../../scsi/backing/raw-file.ts'
import { checkAgainstBuffer } from '../../support/backing-suite.ts'
import { directoryForTest, operationsWith, sparseFile } from '../../support/raw-file-stores.ts'

const SIZE_BYTES = 600_000

/** Each store gets a file of its own in a directory that the whole test shares. */
function rawFiles(options: Parameters<typeof openRawFile>[1] = {}) {
  const directory = directoryForTest()
  let count = 0
  return (sizeBytes: number) => {
    count += 1
    return openRawFile(sparseFile(directory.file(`${count}.img`), sizeBytes), options)
  }
}

/** Moves at most `limitBytes` in one call, as a file system may. */
function shortCalls(limitBytes: number) {
  const real = operationsWith({})
  const first = (buffers: readonly Buffer[]) => [buffers.find((buffer) => buffer.length > 0)!.subarray(0, limitBytes)]
  return operationsWith({
    readSync: (fd, buffers, offsetBytes) => real.readSync(fd, first(buffers), offsetBytes),
    writeSync: (fd, buffers, offsetBytes) => real.writeSync(fd, first(buffers), offsetBytes),
    read: (fd, buffers, offsetBytes, done) => real.read(fd, first(buffers), offsetBytes, done),
    write: (fd, buffers, offsetBytes, done) => real.write(fd, first(buffers), offsetBytes, done),
  })
}

describe('random operations leave the same bytes as in a Buffer', () => {
  it('on a memory store', () => checkAgainstBuffer((size) => new MemoryStore(size), SIZE_BYTES, 100))
  it('on a raw file', () => checkAgainstBuffer(rawFiles(), SIZE_BYTES, 20))
  it('on a raw file through the pool', () => checkAgainstBuffer(rawFiles({ policy: POOLED_IO }), SIZE_BYTES, 20))
  it('on a raw file at once', () => checkAgainstBuffer(rawFiles({ policy: SYNCHRONOUS_IO }), SIZE_BYTES, 20))
  it('on a raw file whose system moves few bytes at a time', () =>
    checkAgainstBuffer(rawFiles({ operations: shortCalls(20_011) }), SIZE_BYTES, 10))
})
