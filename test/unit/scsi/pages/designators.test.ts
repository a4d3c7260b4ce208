import { describe, expect, it } from 'vitest'
import { designators } from '../../../../scsi/pages/designators.ts'
import { bytes, NEXUS, PROPERTIES } from '../../../support/logical-unit-properties.ts'

/** The descriptors of a designation descriptor list: header bytes in hexadecimal, and the designator. */
function split(list: Buffer): { header: string; designator: Buffer }[] {
  const descriptors = []
  for (let at = 0; at < list.length; ) {
    const end = at + 4 + list[at + 3]!
    expect(end).toBeLessThanOrEqual(list.length)
    descriptors.push({ header: list.toString('hex', at, at + 4), designator: list.subarray(at + 4, end) })
    at = end
  }
  return descriptors
}

const text = (value: string, zeroBytes: number) => Buffer.from(value + '\0'.repeat(zeroBytes), 'utf8')

describe('designators', () => {
  it('name the logical unit, the target port and the target device', () => {
    expect(split(designators(PROPERTIES.identity, NEXUS))).toEqual([
      { header: '01030010', designator: bytes('6001405a1b2c3d4e5f60718293a4b5c6') },
      { header: '02010028', designator: text('LUNETTE DISK            8c4d2f10a7b93e56', 0) },
      { header: '51940004', designator: bytes('00000001') },
      { header: '51950004', designator: bytes('00000001') },
      { header: '53980024', designator: text('iqn.2026-11.example:disk,t,0x0001', 3) },
      { header: '53a8001c', designator: text('iqn.2026-11.example:disk', 4) },
    ])
  })

  it('take the port from the nexus', () => {
    const nexus = { ...NEXUS, targetPortName: 'iqn.2026-11.example:disk,t,0xabcd', relativeTargetPort: 0xabcd }
    const [, , relativePort, group, port, device] = split(designators(PROPERTIES.identity, nexus))
    expect(relativePort?.designator).toEqual(bytes('0000abcd'))
    expect(group?.designator).toEqual(bytes('0000abcd'))
    expect(port?.designator).toEqual(text('iqn.2026-11.example:disk,t,0xabcd', 3))
    expect(device?.designator).toEqual(text('iqn.2026-11.example:disk', 4))
  })

  it('carry NAA names of eight bytes', () => {
    const naa = bytes('3123456789abcdef')
    const [first] = split(designators({ ...PROPERTIES.identity, naa }, NEXUS))
    expect(first).toEqual({ header: '01030008', designator: naa })
  })

  it('end name strings with a zero byte at a multiple of four, whatever the length of the name', () => {
    for (let length = 1; length <= 223; length++) {
      const nexus = { ...NEXUS, targetPortName: `${'x'.repeat(length)},t,0x0001` }
      for (const { designator } of split(designators(PROPERTIES.identity, nexus)).slice(4)) {
        expect(designator.length % 4).toBe(0)
        expect(designator.at(-1)).toBe(0)
      }
    }
  })

  it('keep the name of a target that looks like a port name within', () => {
    const nexus = { ...NEXUS, targetPortName: 'iqn.2026-11.example:a,t,0x1-b,t,0x0001' }
    const device = split(designators(PROPERTIES.identity, nexus)).at(-1)
    expect(device?.designator).toEqual(text('iqn.2026-11.example:a,t,0x1-b', 3))
  })

  it('refuse what DESIGNATOR LENGTH can not express', () => {
    const nexus = { ...NEXUS, targetPortName: 'x'.repeat(256) }
    expect(() => designators(PROPERTIES.identity, nexus)).toThrow('at most 255 bytes')
  })
})
