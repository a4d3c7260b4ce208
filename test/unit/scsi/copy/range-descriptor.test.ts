import { expect, it } from 'vitest'
import { parseRanges } from '../../../../scsi/copy/range-descriptor.ts'
import { PROPERTIES } from '../../../support/logical-unit-properties.ts'
import { type BlockRange, populateTokenList } from '../../../support/third-party-copy.ts'

const RANGES_AT = 14
const unit = { ...PROPERTIES, blockCount: 2 ** 40 }

it('gives the ranges in bytes, without those of no blocks', () => {
  const ranges: BlockRange[] = [
    [2 ** 33, 3],
    [7, 0],
    [1, 2],
  ]
  expect(parseRanges(populateTokenList(ranges), RANGES_AT, unit)).toEqual([
    { offsetBytes: 2 ** 42, byteCount: 1536 },
    { offsetBytes: 512, byteCount: 1024 },
  ])
})

it('refuses more bytes than a token can have', () => {
  const blocksMax = 2 ** 30 / 512
  expect(parseRanges(populateTokenList([[0, blocksMax]]), RANGES_AT, unit)).toHaveLength(1)
  const refusal = parseRanges(populateTokenList([[0, blocksMax + 1]]), RANGES_AT, unit)
  expect(refusal).toMatchObject({ fieldPointer: { isInCdb: false, byte: RANGES_AT } })
})

it('does not count a last descriptor that is not whole', () => {
  const list = populateTokenList([
    [0, 1],
    [5, 1],
  ])
  list.writeUInt16BE(31, RANGES_AT)
  expect(parseRanges(list, RANGES_AT, unit)).toEqual([{ offsetBytes: 0, byteCount: 512 }])
})
