import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeTransportIds, encodeTransportId } from '../../../scsi/transport-id.ts'

const PORT = 'iqn.1993-08.org.debian:01:abc,i,0x00023d000001'

describe('encodeTransportId', () => {
  it('names the port with its ISID, ended by zeroes up to a multiple of four', () => {
    expect(encodeTransportId('iqn.x:y,i,0x00023d000001').toString('hex')).toBe(
      '4500001c69716e2e783a792c692c307830303032336430303030303100000000',
    )
  })

  it('is never shorter than 24 bytes', () => {
    expect(encodeTransportId('a').length).toBe(24)
  })

  it('is read back as the same port', () => {
    const ids = Buffer.concat([Buffer.alloc(3), encodeTransportId(PORT), encodeTransportId(PORT)])
    const port = { kind: 'port', initiatorPortName: PORT }
    expect(decodeTransportIds(ids, 3, ids.length)).toEqual([port, port])
  })
})

describe('decodeTransportIds', () => {
  const pointer = (list: Buffer) => {
    const decoded = decodeTransportIds(list, 0, list.length)
    return 'condition' in decoded ? [decoded.fieldPointer?.byte, decoded.fieldPointer?.bit] : null
  }

  it('reads the name of a device up to the first zero', () => {
    const list = Buffer.alloc(24)
    list.set([0x05, 0, 0, 20])
    list.write('iqn.X:Disk', 4)
    expect(decodeTransportIds(list, 0, 24)).toEqual([{ kind: 'device', initiatorDeviceName: 'iqn.x:disk' }])
  })

  it('points at what is wrong', () => {
    const changed = (at: number, value: number) => {
      const list = encodeTransportId(PORT)
      list[at] = value
      return pointer(list)
    }
    expect(changed(0, 0x46)).toEqual([0, 3])
    expect(changed(0, 0xc5)).toEqual([0, 7])
    expect(changed(3, 19)).toEqual([2, null])
    expect(changed(2, 1)).toEqual([2, null])
    expect(changed(4, 0)).toEqual([4, null])
    expect(pointer(Buffer.alloc(3))).toEqual([0, null])
  })

  it('takes any bytes without throwing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const list = Buffer.from(bytes)
        const decoded = decodeTransportIds(list, 0, list.length)
        return 'condition' in decoded || decoded.every(({ kind }) => kind === 'port' || kind === 'device')
      }),
    )
  })
})
