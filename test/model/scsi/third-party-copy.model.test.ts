/**
 * Third-party copy against buffers: random copies, tokens and writes of two disks, at once and with a source disk whose
 * operations are held up and end when the test wants it.
 */

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { blockCdb, type Exchange } from '../../support/scsi-initiator.ts'
import {
  blockSegment,
  copyBench,
  createToken,
  cscd,
  lid1List,
  populateTokenList,
  receive,
  sendList,
  tokenIn,
  writeUsingTokenList,
} from '../../support/third-party-copy.ts'

const BLOCKS = 64
const POPULATE_TOKEN = 0x10
const WRITE_USING_TOKEN = 0x11
const RECEIVE_ROD_TOKEN_INFORMATION = 0x07

const lun = fc.constantFrom(0, 1)
const lba = fc.integer({ min: 0, max: BLOCKS - 17 })
const blocks = fc.integer({ min: 1, max: 16 })

const step = fc.oneof(
  fc.record({ kind: fc.constant('write' as const), lun, lba, blocks, fill: fc.integer({ min: 0, max: 255 }) }),
  fc.record({ kind: fc.constant('copy' as const), from: lun, to: lun, sourceLba: lba, destinationLba: lba, blocks }),
  fc.record({ kind: fc.constant('populate' as const), lun, lba, blocks }),
  fc.record({
    kind: fc.constant('use' as const),
    lun,
    lba,
    index: fc.nat(),
    offsetBlocks: fc.integer({ min: 0, max: 3 }),
  }),
)

interface ModelToken {
  readonly bytes: Buffer
  readonly contents: Buffer
  readonly lun: number
  readonly lba: number
  isValid: boolean
}

it('copies and tokens of two disks are what they would be of two buffers', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { initiator, stores } = copyBench([{ blockCount: BLOCKS }, { blockCount: BLOCKS }])
      const disks = stores.map(({ bytes }) => Buffer.from(bytes))
      const tokens: ModelToken[] = []
      const changed = (disk: number, first: number, count: number) => {
        for (const token of tokens) {
          const tokenBlocks = token.contents.length / 512
          const overlaps = token.lba < first + count && first < token.lba + tokenBlocks
          if (token.lun === disk && overlaps) token.isValid = false
        }
      }
      for (const action of steps) {
        switch (action.kind) {
          case 'write': {
            const data = Buffer.alloc(action.blocks * 512, action.fill)
            initiator.send(blockCdb(0x2a, action.lba, action.blocks), { lun: action.lun, dataOut: data })
            data.copy(disks[action.lun]!, action.lba * 512)
            changed(action.lun, action.lba, action.blocks)
            break
          }
          case 'copy': {
            expect(sendList(initiator, 0, lid1List([cscd(0), cscd(1)], [blockSegment(action)])).status).toBe(0)
            const source = Buffer.from(disks[action.from]!)
            source.copy(
              disks[action.to]!,
              action.destinationLba * 512,
              action.sourceLba * 512,
              (action.sourceLba + action.blocks) * 512,
            )
            changed(action.to, action.destinationLba, action.blocks)
            break
          }
          case 'populate': {
            const contents = Buffer.from(
              disks[action.lun]!.subarray(action.lba * 512, (action.lba + action.blocks) * 512),
            )
            const bytes = createToken(initiator, action.lun, [[action.lba, action.blocks]])
            tokens.push({ bytes, contents, lun: action.lun, lba: action.lba, isValid: true })
            break
          }
          case 'use': {
            const token = tokens[action.index % Math.max(1, tokens.length)]
            const count = token === undefined ? 0 : token.contents.length / 512 - action.offsetBlocks
            if (token === undefined || count <= 0) break
            const list = writeUsingTokenList(token.bytes, [[action.lba, count]], action)
            const exchange = sendList(initiator, WRITE_USING_TOKEN, list, { lun: action.lun, listIdentifier: 1 })
            const isOver =
              token.lun === action.lun &&
              action.lba < token.lba + token.contents.length / 512 &&
              token.lba < action.lba + count
            expect(exchange.senseText).toBe(!token.isValid ? '5/23/06' : isOver ? '5/23/00' : null)
            if (exchange.senseText !== null) break
            token.contents.copy(disks[action.lun]!, action.lba * 512, action.offsetBlocks * 512)
            changed(action.lun, action.lba, count)
            break
          }
        }
        for (const [at, store] of stores.entries()) expect(store.bytes.equals(disks[at]!)).toBe(true)
      }
    }),
    { numRuns: 300 },
  )
})

const heldStep = fc.oneof(
  fc.record({ kind: fc.constant('write' as const), lba, blocks, fill: fc.integer({ min: 0, max: 255 }) }),
  fc.record({ kind: fc.constant('populate' as const), lba, blocks }),
  fc.record({ kind: fc.constant('use' as const), index: fc.nat() }),
  fc.record({ kind: fc.constant('release' as const), count: fc.integer({ min: 1, max: 3 }) }),
)

it('a token never delivers other bytes than those of its moment, however writes and reads of the source fall', () => {
  let deliveries = 0
  fc.assert(
    fc.property(fc.array(heldStep, { minLength: 30, maxLength: 90, size: 'max' }), (steps) => {
      const { initiator, stores } = copyBench([{ blockCount: BLOCKS }, { blockCount: 2048 }])
      const [source, destination] = [stores[0]!, stores[1]!]
      source.isManual = true
      const populating: { exchange: Exchange; listIdentifier: number; lba: number; blocks: number }[] = []
      const tokens: { bytes: Buffer; contents: Buffer }[] = []
      const uses: { exchange: Exchange; contents: Buffer; lba: number }[] = []
      let listIdentifier = 0
      let destinationLba = 0
      const lookAtTokens = () => {
        for (const waiting of populating.splice(0)) {
          if (waiting.exchange.end === 'none') {
            populating.push(waiting)
            continue
          }
          const bytes = tokenIn(receive(initiator, RECEIVE_ROD_TOKEN_INFORMATION, waiting.listIdentifier).dataIn)
          const contents = source.bytes.subarray(waiting.lba * 512, (waiting.lba + waiting.blocks) * 512)
          tokens.push({ bytes, contents: Buffer.from(contents) })
        }
      }
      const perform = (action: (typeof steps)[number]) => {
        if (action.kind === 'write') {
          const dataOut = Buffer.alloc(action.blocks * 512, action.fill)
          initiator.send(blockCdb(0x2a, action.lba, action.blocks), { dataOut })
        } else if (action.kind === 'populate' && populating.length < 8) {
          const list = populateTokenList([[action.lba, action.blocks]])
          const exchange = sendList(initiator, POPULATE_TOKEN, list, { listIdentifier: ++listIdentifier })
          populating.push({ exchange, listIdentifier, lba: action.lba, blocks: action.blocks })
        } else if (action.kind === 'use' && tokens.length > 0) {
          const { bytes, contents } = tokens[action.index % tokens.length]!
          const list = writeUsingTokenList(bytes, [[destinationLba, contents.length / 512]])
          const exchange = sendList(initiator, WRITE_USING_TOKEN, list, { lun: 1, listIdentifier: ++listIdentifier })
          uses.push({ exchange, contents, lba: destinationLba })
          destinationLba += contents.length / 512
        } else if (action.kind === 'release') {
          source.release(action.count)
        }
      }
      for (const action of steps) {
        perform(action)
        lookAtTokens()
      }
      while (source.heldCount > 0) source.release(1)
      for (const { exchange, contents, lba: at } of uses) {
        if (exchange.senseText !== null) {
          expect(exchange.senseText).toBe('5/23/06')
          continue
        }
        deliveries++
        expect(destination.bytes.subarray(at * 512, at * 512 + contents.length).equals(contents)).toBe(true)
      }
    }),
    { numRuns: 300 },
  )
  expect(deliveries).toBeGreaterThan(100)
})
