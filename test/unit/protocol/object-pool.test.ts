import { expect, it } from 'vitest'
import { HeaderCell } from '../../../protocol/framing/header-cell.ts'
import { ObjectPool } from '../../../protocol/object-pool.ts'

it('hands out what came back, as new', () => {
  const pool = new ObjectPool(HeaderCell, 1)
  const used = pool.take()
  used.withDigest.fill(0xaa)
  pool.release(used)
  const again = pool.take()
  expect(again).toBe(used)
  expect(again.withDigest).toEqual(Buffer.alloc(52))
})

it('counts what is out, and keeps no more idle objects than it may', () => {
  const pool = new ObjectPool(HeaderCell, 1)
  const [one, two] = [pool.take(), pool.take()]
  expect(one).not.toBe(two)
  expect(pool.takenCount).toBe(2)
  pool.release(one)
  pool.release(two)
  expect(pool.takenCount).toBe(0)
  expect([pool.take() === one, pool.take() === two]).toEqual([true, false])
})
