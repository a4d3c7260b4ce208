/**
 * A process that takes locks, for tests that kill it. `hold PATH` takes one, says so and keeps it; `contend PATH COUNT`
 * takes and releases it again and again and proves each time, by a file that only the holder may have, that it is alone.
 */

import { closeSync, openSync, unlinkSync } from 'node:fs'
import { acquireExclusiveLock } from '../../src/store/exclusive-lock.ts'

const [, , mode, lockPath = '', count = '0'] = process.argv

if (mode === 'hold') {
  acquireExclusiveLock(lockPath, 'the disk')
  console.log('held')
  setInterval(() => undefined, 1000)
} else {
  let acquiredCount = 0
  for (let attempt = 0; attempt < Number(count); attempt++) acquiredCount += takeOnce() ? 1 : 0
  console.log(`acquired ${acquiredCount > 0 ? 'some' : 'none'}`)
}

function takeOnce(): boolean {
  let lock: ReturnType<typeof acquireExclusiveLock>
  try {
    lock = acquireExclusiveLock(lockPath, 'the disk')
  } catch (error) {
    if (!String(error).includes('in use')) throw error
    return false
  }
  const proof = `${lockPath}.proof`
  closeSync(openSync(proof, 'wx'))
  unlinkSync(proof)
  lock.release()
  return true
}
