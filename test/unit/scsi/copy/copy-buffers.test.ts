import { expect, it } from 'vitest'
import { CopyBuffers } from '../../../../scsi/copy/copy-buffers.ts'
import { PIECES_MAX } from '../../../../scsi/copy/copy-limits.ts'

it('hands out a bounded number of buffers, and tells one who waits when one is back', () => {
  const buffers = new CopyBuffers()
  const told: string[] = []
  const taken = Array.from({ length: PIECES_MAX }, () => buffers.take(() => told.push('early'))!)
  expect(new Set(taken).size).toBe(PIECES_MAX)
  const first = () => told.push('first')
  const second = () => told.push('second')
  expect([buffers.take(first), buffers.take(second), buffers.take(first)]).toEqual([null, null, null])
  buffers.stopWaiting(first)
  buffers.giveBack(taken[0]!)
  expect(told).toEqual(['second'])
  expect(buffers.take(second)).toBe(taken[0])
})
