/**
 * The store of a drive without a medium: nothing to read or write, and every attempt fails. Commands that need the medium
 * are refused before they come here; what is left are those who look at a disk of their own accord.
 */

import { closedError } from './backing-errors.ts'
import type { BackingStore } from './backing-store.ts'

export const NO_MEDIUM: BackingStore = {
  capabilities: { readOnly: true, volatileWriteCache: false, thin: false, optimalIoBytes: 4096 },
  sizeBytes: 0,
  readv: (_buffers, _offsetBytes, done) => done(closedError('readv')),
  writev: (_buffers, _offsetBytes, _forceUnitAccess, done) => done(closedError('writev')),
  writeZeroes: (_offsetBytes, _byteCount, _mayUnmap, done) => done(closedError('writeZeroes')),
  readAllocation: (_map, _offsetBytes, _byteCount, done) => done(closedError('readAllocation')),
  readSpace: (_space, done) => done(closedError('readSpace')),
  resize: (_sizeBytes, done) => done(closedError('resize')),
  flush: (done) => done(closedError('flush')),
  close: (done) => done(null),
}
