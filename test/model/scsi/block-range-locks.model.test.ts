import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { blockCdb, type Exchange, TestInitiator, testBench } from '../../support/scsi-initiator.ts'

const BLOCKS = 4
const MISCOMPARE = 'e/1d/00'

interface CommandStep {
  readonly kind: 'increment' | 'read' | 'or'
  readonly host: number
  readonly lba: number
  readonly blocks: number
}

/** The oldest I/O ends, or a command is aborted. */
interface EventStep {
  readonly event: 'release' | 'abort'
  readonly pick: number
}

type Step = CommandStep | EventStep

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constantFrom('increment' as const, 'read' as const, 'or' as const),
      host: fc.nat(2),
      lba: fc.nat(BLOCKS - 1),
      blocks: fc.integer({ min: 1, max: BLOCKS }),
    }),
    fc.record({ event: fc.constantFrom('release' as const, 'release' as const, 'abort' as const), pick: fc.nat(20) }),
  ),
  { minLength: 5, maxLength: 60 },
)

function compareAndWriteCdb(lba: number): Buffer {
  const cdb = Buffer.alloc(16)
  cdb[0] = 0x89
  cdb[9] = lba
  cdb[13] = 1
  return cdb
}

/** A block with a counter and, at its end, bits that ORs set. */
function counterOf(block: Buffer): number {
  return block.readUInt32BE(0)
}

describe('commands that lock blocks', () => {
  it('count every increment once, end all, and leave no lock, in whatever order their I/O ends', () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        const { target, store, logicalUnit } = testBench({ blockCount: 64 })
        const hosts = ['b', 'c', 'd'].map((name) => new TestInitiator(target, name).clearUnitAttentions())
        store.bytes.fill(0)
        store.isManual = true
        const exchanges: Exchange[] = []
        const increments: { readonly exchange: Exchange; readonly lba: number }[] = []
        for (const step of sequence) {
          if ('kind' in step) exchanges.push(send(step))
          else if (step.event === 'release') store.release(1)
          else abort(exchanges[step.pick % Math.max(1, exchanges.length)])
        }
        while (store.heldCount > 0) store.release(1)

        expect(exchanges.filter((exchange) => exchange.end === 'none')).toEqual([])
        expect(logicalUnit.rangeLocks.size).toBe(0)
        for (let lba = 0; lba < BLOCKS; lba++) expectCount(lba)

        function send(step: CommandStep): Exchange {
          const host = hosts[step.host]!
          const blocks = Math.min(step.blocks, BLOCKS - step.lba)
          if (step.kind === 'read') return host.send(blockCdb(0x28, step.lba, blocks))
          if (step.kind === 'or') {
            const bits = Buffer.alloc(blocks * 512)
            for (let block = 0; block < blocks; block++) bits[block * 512 + 511] = 1 << step.host
            return host.send(blockCdb(0x8b, step.lba, blocks), { dataOut: bits, dataOutPieceBytes: 512 })
          }
          const found = Buffer.from(store.bytes.subarray(step.lba * 512, step.lba * 512 + 512))
          const next = Buffer.from(found)
          next.writeUInt32BE(counterOf(found) + 1, 0)
          const exchange = host.send(compareAndWriteCdb(step.lba), { dataOut: Buffer.concat([found, next]) })
          increments.push({ exchange, lba: step.lba })
          return exchange
        }

        /** An aborted one may have counted or not; the others counted, or found another value. */
        function expectCount(lba: number): void {
          const mine = increments.filter((increment) => increment.lba === lba).map(({ exchange }) => exchange)
          const aborted = mine.filter((exchange) => exchange.end === 'aborted').length
          const completed = mine.filter((exchange) => exchange.end === 'completed')
          const succeeded = completed.filter((exchange) => exchange.status === 0).length
          expect(completed.filter((exchange) => ![null, MISCOMPARE].includes(exchange.senseText))).toEqual([])
          const count = counterOf(store.bytes.subarray(lba * 512))
          expect(count).toBeGreaterThanOrEqual(succeeded)
          expect(count).toBeLessThanOrEqual(succeeded + aborted)
        }

        function abort(exchange: Exchange | undefined): void {
          if (exchange?.end === 'none') target.abortTask(exchange.command, () => {})
        }
      }),
      { numRuns: 500 },
    )
  })
})
