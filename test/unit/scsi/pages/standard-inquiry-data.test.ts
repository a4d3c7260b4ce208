import { describe, expect, it } from 'vitest'
import { absentUnitInquiryData, standardInquiryData } from '../../../../scsi/pages/standard-inquiry-data.ts'
import { bytes, NEXUS, PROPERTIES } from '../../../support/logical-unit-properties.ts'

describe('standard INQUIRY data', () => {
  it('has the bytes that the standard lays down', () => {
    expect(standardInquiryData(PROPERTIES, NEXUS)).toEqual(
      bytes(`00 00 06 32 5b 38 00 02
        4c554e4554544520 4449534b202020202020202020202020 30303031
        ${'00'.repeat(22)}
        00a0 0961 0460 04c0 ${'00'.repeat(8)} ${'00'.repeat(22)}`),
    )
  })

  it('[KEY-28] has an iSCSI version descriptor of 0960h plus the protocol level', () => {
    expect(standardInquiryData(PROPERTIES, NEXUS).readUInt16BE(60)).toBe(0x0960 + 1)
  })

  it('has MULTIP where the target has several ports', () => {
    const multiPort = [1, 2].map((portCount) => standardInquiryData(PROPERTIES, NEXUS, portCount)[6])
    expect(multiPort).toEqual([0x00, 0x10])
  })

  it('refuses an identity that the fields do not hold', () => {
    const { identity } = PROPERTIES
    expect(() => standardInquiryData({ ...PROPERTIES, identity: { ...identity, vendor: 'NINECHARS' } }, NEXUS)).toThrow(
      'T10_VENDOR_IDENTIFICATION',
    )
    expect(() => standardInquiryData({ ...PROPERTIES, identity: { ...identity, product: 'é' } }, NEXUS)).toThrow(
      'PRODUCT_IDENTIFICATION',
    )
    expect(() => standardInquiryData({ ...PROPERTIES, identity: { ...identity, revision: '12345' } }, NEXUS)).toThrow(
      'PRODUCT_REVISION_LEVEL',
    )
  })
})

describe('standard INQUIRY data of an absent logical unit', () => {
  const data = absentUnitInquiryData(NEXUS)

  it('has qualifier 011b and type 1Fh', () => {
    expect(data[0]).toBe(0x7f)
  })

  it('has a vendor that is not blank', () => {
    expect(data.toString('latin1', 8, 16).trim()).not.toBe('')
  })

  it('differs from that of a disk in nothing but the device type, NORMACA, TPGS, 3PC and the names', () => {
    const disk = standardInquiryData(PROPERTIES, NEXUS)
    expect([data[3], disk[3]]).toEqual([0x12, 0x32])
    expect(data.subarray(4, 5)).toEqual(disk.subarray(4, 5))
    expect(data.subarray(1, 3)).toEqual(disk.subarray(1, 3))
    expect([data[5], disk[5]]).toEqual([0x00, 0x38])
    expect(data.subarray(6, 8)).toEqual(disk.subarray(6, 8))
    expect(data.subarray(36)).toEqual(disk.subarray(36))
  })
})
