import { describe, expect, it } from 'vitest'
import type { BackingDone } from '../../../../scsi/backing/backing-store.ts'
import { FlushCoalescer } from '../../../../scsi/backing/flush-coalescer.ts'

/** A coalescer whose syncs end when the test says so, and the names of the requests that were answered. */
function simulate() {
  const syncs: BackingDone[] = []
  const answers: string[] = []
  const flusher = new FlushCoalescer((done) => void syncs.push(done))
  const request = (name: string) => flusher.request((error) => answers.push(error === null ? name : `${name} failed`))
  return { flusher, syncs, answers, request }
}

describe('the flush coalescer', () => {
  it('syncs at once when nothing runs, and answers when that is over', () => {
    const { syncs, answers, request } = simulate()
    request('a')
    expect(syncs).toHaveLength(1)
    expect(answers).toEqual([])
    syncs[0]!(null)
    expect(answers).toEqual(['a'])
  })

  it('has requests that meet a running sync wait for the next one, which they share', () => {
    const { syncs, answers, request } = simulate()
    request('a')
    request('b')
    request('c')
    expect(syncs).toHaveLength(1)
    syncs[0]!(null)
    expect(answers).toEqual(['a'])
    expect(syncs).toHaveLength(2)
    request('d')
    syncs[1]!(null)
    expect(answers).toEqual(['a', 'b', 'c'])
    expect(syncs).toHaveLength(3)
    syncs[2]!(null)
    expect(answers).toEqual(['a', 'b', 'c', 'd'])
  })

  it('syncs again for a request that comes later', () => {
    const { syncs, answers, request } = simulate()
    request('a')
    syncs[0]!(null)
    request('b')
    expect(syncs).toHaveLength(2)
    syncs[1]!(null)
    expect(answers).toEqual(['a', 'b'])
  })

  it('syncs again for a request made while answers are given', () => {
    const { flusher, syncs, answers } = simulate()
    flusher.request(() => flusher.request(() => answers.push('inner')))
    syncs[0]!(null)
    expect(answers).toEqual([])
    syncs[1]!(null)
    expect(answers).toEqual(['inner'])
  })

  it('never claims success again after a sync failed, and syncs no more', () => {
    const { flusher, syncs, answers, request } = simulate()
    request('a')
    request('b')
    syncs[0]!({ kind: 'io', message: 'sync disk.img: EIO' })
    expect(answers).toEqual(['a failed', 'b failed'])
    request('c')
    expect(answers).toEqual(['a failed', 'b failed', 'c failed'])
    expect(syncs).toHaveLength(1)
    expect(flusher.failure).toMatchObject({ kind: 'io', message: expect.stringContaining('EIO') })
    expect(flusher.failure?.message).toContain('reopened')
  })
})
