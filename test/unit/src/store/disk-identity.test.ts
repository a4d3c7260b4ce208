import { expect, it } from 'vitest'
import { logicalUnitIdentity, mintDiskIdentity } from '../../../../src/store/disk-identity.ts'

it('derives every name of a disk from its GUID', () => {
  expect(mintDiskIdentity('01234567-89ab-4def-8123-456789abcdef')).toEqual({
    guid: '01234567-89ab-4def-8123-456789abcdef',
    serialNumber: '0123456789ab4def8123456789abcdef',
    naa: Buffer.from('3123456789abcdef', 'hex'),
  })
})

it('never mints the same twice, and always NAA 3h in 8 bytes', () => {
  const minted = Array.from({ length: 1000 }, () => mintDiskIdentity())
  expect(new Set(minted.map(({ guid }) => guid)).size).toBe(1000)
  expect(new Set(minted.map(({ naa }) => naa.toString('hex'))).size).toBe(1000)
  for (const { naa } of minted) {
    expect(naa).toHaveLength(8)
    expect(naa.readUInt8(0) >> 4).toBe(3)
  }
})

it('fits the fields of standard INQUIRY data', () => {
  const { vendor, product, revision } = logicalUnitIdentity(mintDiskIdentity())
  expect(vendor).toMatch(/^[\x20-\x7e]{1,8}$/)
  expect(product).toMatch(/^[\x20-\x7e]{1,16}$/)
  expect(revision).toMatch(/^[\x20-\x7e]{1,4}$/)
})
