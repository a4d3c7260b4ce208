import { describe, expect, it } from 'vitest'
import { bytes } from '../../support/logical-unit-properties.ts'
import { testBench } from '../../support/scsi-initiator.ts'

const securityProtocolIn = (protocol: number, specific: number, inc512: number, allocationLength: number) =>
  testBench().initiator.send([0xa2, protocol, 0, specific, inc512, 0, 0, 0, 0, allocationLength, 0, 0])

describe('SECURITY PROTOCOL IN', () => {
  it('lists security protocol information as the only security protocol', () => {
    expect(securityProtocolIn(0, 0, 0, 0xff).dataIn).toEqual(bytes('000000000000 0001 00'))
  })

  it('has a certificate of no bytes', () => {
    expect(securityProtocolIn(0, 1, 0, 0xff).dataIn).toEqual(bytes('00000000'))
  })

  it('counts in 512 bytes with INC_512', () => {
    const { dataIn } = securityProtocolIn(0, 0, 0x80, 2)
    expect(dataIn).toEqual(Buffer.concat([bytes('000000000000 0001 00'), Buffer.alloc(503)]))
    expect(securityProtocolIn(0, 0, 0x80, 0).dataIn.length).toBe(0)
  })

  it('cuts at ALLOCATION LENGTH', () => {
    expect(securityProtocolIn(0, 0, 0, 8).dataIn.length).toBe(8)
  })

  it.each([
    [0x01, 0, '1'],
    [0xef, 0, '1'],
    [0x00, 2, '2'],
  ])('refuses security protocol %i with %i', (protocol, specific, pointer) => {
    const exchange = securityProtocolIn(protocol, specific, 0, 0xff)
    expect([exchange.senseText, exchange.pointedAt]).toEqual(['5/24/00', pointer])
  })
})
