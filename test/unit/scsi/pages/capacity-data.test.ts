import { describe, expect, it } from 'vitest'
import { capacity10Data, capacity16Data } from '../../../../scsi/pages/capacity-data.ts'
import { vpdPage } from '../../../../scsi/pages/vpd-pages.ts'
import { bytes, NEXUS, PROPERTIES, withCapabilities } from '../../../support/logical-unit-properties.ts'

const ofBlocks = (blockCount: number) => ({ ...PROPERTIES, blockCount })

describe('READ CAPACITY (10) data', () => {
  it('is the last address and the block length', () => {
    expect(capacity10Data(PROPERTIES)).toEqual(bytes('001fffff 00000200'))
    expect(capacity10Data({ ...ofBlocks(1), blockLengthBytes: 4096 })).toEqual(bytes('00000000 00001000'))
  })

  it.each([
    [2 ** 32 - 1, 'fffffffe'],
    [2 ** 32, 'ffffffff'],
    [2 ** 32 + 1, 'ffffffff'],
    [2 ** 44, 'ffffffff'],
  ])('of %d blocks is %s', (blockCount, lba) => {
    expect(capacity10Data(ofBlocks(blockCount)).toString('hex', 0, 4)).toBe(lba)
  })
})

describe('READ CAPACITY (16) data', () => {
  it('is the last address, the block length and the provisioning', () => {
    expect(capacity16Data(PROPERTIES)).toEqual(bytes(`00000000001fffff 00000200 00 00 c000 ${'00'.repeat(16)}`))
  })

  it('tells how logical blocks lie in physical ones', () => {
    const capacity = capacity16Data({ ...PROPERTIES, physicalBlockBytes: 2 ** 20, lowestAlignedLba: 0x107 })
    expect(capacity.subarray(12, 16)).toEqual(bytes('00 0b c1 07'))
  })

  it('has addresses beyond 32 bits', () => {
    expect(capacity16Data(ofBlocks(2 ** 40 + 1)).readBigUInt64BE()).toBe(2n ** 40n)
  })

  it.each([true, false])('agrees with the Logical Block Provisioning page (thin: %s)', (thin) => {
    const unit = withCapabilities({ thin })
    const capacity = capacity16Data(unit)
    const provisioning = vpdPage(0xb2, unit, NEXUS)!
    expect(capacity[14]).toBe(thin ? 0xc0 : 0x00)
    expect((provisioning[6]! & 0x07) === 2).toBe(thin)
    expect((provisioning[5]! & 0x04) !== 0).toBe(thin)
  })
})
