import { describe, expect, it } from 'vitest'
import { absentUnitVpdPage, VPD_PAGES, vpdPage } from '../../../../scsi/pages/vpd-pages.ts'
import { MAXIMUM_TRANSFER_BYTES, MAXIMUM_WRITE_SAME_BYTES } from '../../../../scsi/transfer-limits.ts'
import { bytes, NEXUS, PROPERTIES, withCapabilities } from '../../../support/logical-unit-properties.ts'

const page = (code: number, unit = PROPERTIES) => {
  const data = vpdPage(code, unit, NEXUS)
  if (data === null) throw new Error(`no page ${code}`)
  return data
}

describe('VPD pages', () => {
  it('are in ascending order without duplicates', () => {
    const codes = VPD_PAGES.map((row) => row.pageCode)
    expect(codes).toEqual([...new Set(codes)].sort((a, b) => a - b))
  })

  it.each(VPD_PAGES.map((row) => [row.name, row.pageCode] as const))('%s has a true header', (_name, pageCode) => {
    const data = page(pageCode)
    expect(data[0]).toBe(0)
    expect(data[1]).toBe(pageCode)
    expect(data.readUInt16BE(2)).toBe(data.length - 4)
  })

  it('are null when there is none of that code', () => {
    expect(vpdPage(0x81, PROPERTIES, NEXUS)).toBeNull()
  })

  it('00h lists the table', () => {
    expect(page(0x00)).toEqual(bytes('00 00 00 0b 00 80 83 86 87 88 8a 8f b0 b1 b2'))
  })

  it('80h is the serial number', () => {
    expect(page(0x80).subarray(4).toString('latin1')).toBe('8c4d2f10a7b93e56')
  })

  it('86h reports the task attributes, command priority and the volatile cache', () => {
    expect(page(0x86)).toEqual(bytes(`00 86 00 3c 00 0f 01 00${'00'.repeat(56)}`))
    expect(page(0x86, withCapabilities({ volatileWriteCache: false }))[6]).toBe(0)
  })

  it('87h says that initiators share the mode pages, and logical units the one about the port', () => {
    expect(page(0x87)).toEqual(bytes('00 87 0008 3f ff 00 00 02 00 80 00'))
  })

  it('88h lists the ports by their identifiers, whatever order they come in', () => {
    const ports = [2, 1].map((relativeTargetPort) => ({
      name: `iqn.x,t,0x000${relativeTargetPort}`,
      relativeTargetPort,
    }))
    const name = (port: number) => Buffer.from(`iqn.x,t,0x000${port}\0\0`).toString('hex')
    expect(vpdPage(0x88, PROPERTIES, NEXUS, ports)).toEqual(
      bytes(`00 88 0040
        0000 0001 0000 0000 0000 0014 53 98 00 10 ${name(1)}
        0000 0002 0000 0000 0000 0014 53 98 00 10 ${name(2)}`),
    )
  })

  it('88h lists the port that the question came through where no other is known', () => {
    expect(page(0x88).readUInt16BE(6)).toBe(NEXUS.relativeTargetPort)
  })

  it('B0h says what to write at a time and where that begins, for large physical blocks', () => {
    const limits = page(0xb0, { ...PROPERTIES, physicalBlockBytes: 16384, lowestAlignedLba: 7 })
    expect(limits.readUInt16BE(6)).toBe(32)
    expect(limits.subarray(28, 36)).toEqual(bytes('00000020 80000007'))
  })

  it('B1h reports a medium that does not rotate', () => {
    expect(page(0xb1)).toEqual(bytes(`00 b1 00 3c 00 01 00 50 03${'00'.repeat(55)}`))
  })

  it('8Ah tells of all power conditions, with no time to recover from any', () => {
    expect(page(0x8a)).toEqual(bytes(`00 8a 000e 03 07${'00'.repeat(12)}`))
  })

  it('B2h reports thin provisioning with UNMAP and WRITE SAME, and zeroes on reading unmapped blocks', () => {
    expect(page(0xb2)).toEqual(bytes('00 b2 00 04 0b e4 02 00'))
  })

  it('B2h reports nothing of the kind for a fully provisioned disk', () => {
    expect(page(0xb2, withCapabilities({ thin: false }))).toEqual(bytes('00 b2 00 04 00 00 00 00'))
  })
})

describe('Block Limits', () => {
  it('has the bytes that the standard lays down', () => {
    expect(page(0xb0)).toEqual(
      bytes(`00 b0 00 3c
        01 80 0008 00008000 00000800 00000000
        00100000 000000ff 00000008 80000000
        0000000000008000 00000100 ${'00'.repeat(16)}`),
    )
  })

  it.each([512, 4096])('counts in blocks of %d bytes', (blockLengthBytes) => {
    const data = page(0xb0, { ...PROPERTIES, blockLengthBytes })
    expect(data.readUInt32BE(8) * blockLengthBytes).toBe(MAXIMUM_TRANSFER_BYTES)
    expect(Number(data.readBigUInt64BE(36)) * blockLengthBytes).toBe(MAXIMUM_WRITE_SAME_BYTES)
    expect(data.readUInt16BE(6) * blockLengthBytes).toBe(4096)
  })

  it('never has a granularity of zero blocks or more than the field holds', () => {
    const granularity = (optimalIoBytes: number) =>
      page(0xb0, { ...withCapabilities({ optimalIoBytes }), blockLengthBytes: 4096 }).readUInt16BE(6)
    expect(granularity(512)).toBe(1)
    expect(granularity(2 ** 30)).toBe(0xffff)
  })

  it('has no limits of UNMAP without thin provisioning', () => {
    expect(page(0xb0, withCapabilities({ thin: false })).subarray(20, 36)).toEqual(Buffer.alloc(16))
  })
})

describe('VPD pages of an absent logical unit', () => {
  it('are page 00h alone, with qualifier 011b and type 1Fh', () => {
    expect(absentUnitVpdPage(0x00)).toEqual(bytes('7f 00 00 01 00'))
    for (const { pageCode } of VPD_PAGES.slice(1)) expect(absentUnitVpdPage(pageCode)).toBeNull()
  })
})
