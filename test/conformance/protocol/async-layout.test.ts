/** Every kind of Asynchronous Message byte by byte, RFC 7143 11.9. */

import { describe, expect, it } from 'vitest'
import {
  sendConnectionDrop,
  sendLogoutRequest,
  sendNegotiationRequest,
  sendScsiEvent,
  sendSessionDrop,
  sendTaskTermination,
} from '../../../protocol/connection/async-messages.ts'
import type { Connection } from '../../../protocol/connection/connection.ts'
import { type ConnectionHarness, NodeHarness } from '../../support/connection-harness.ts'
import { OPCODE } from '../../support/wire-pdu.ts'

const LUN = Buffer.from('0003000000000000', 'hex')
const SENSE = Buffer.from('700006000000000a00000000290700000000', 'hex')

function logIn(options = {}): { host: ConnectionHarness; node: NodeHarness } {
  const node = new NodeHarness({}, null, { defaultTime2Wait: 2, defaultTime2Retain: 20 })
  const host = node.connect()
  host.cmdSN = 0x11
  host.login({ keys: { DefaultTime2Wait: '7', DefaultTime2Retain: '5' }, ...options })
  return { host, node }
}

/** What `send` has the target say on a connection whose next StatSN is 1: header in words of hexadecimal, and data. */
function sentBy(send: (connection: Connection) => void): { header: string; data: string } {
  const { host, node } = logIn()
  const login = host.take().at(-1)!
  send(host.connection)
  node.clock.settle()
  const [message, ...others] = host.take()
  expect(others).toEqual([])
  expect(message!.statSN).toBe((login.statSN + 1) >>> 0)
  host.request({ opcode: OPCODE.NOP_OUT, immediate: true, itt: 1, words: { 20: 0xffffffff } })
  expect(host.take()[0]!.statSN).toBe((login.statSN + 2) >>> 0)
  const header = message!.header.toString('hex').replace(/(.{8})(?=.)/g, '$1 ')
  return { header, data: message!.data.toString('hex') }
}

/** Bytes 24 to 35: StatSN, ExpCmdSN and MaxCmdSN of a window of 128 that begins at 11h. */
const NUMBERS = '00000001 00000011 00000090'
const NO_LUN = '00000000 00000000'

describe('Asynchronous Message', () => {
  it('[ASYNC-1] [ASYNC-2] event 0 has the LUN, and sense with its length', () => {
    expect(sentBy((connection) => sendScsiEvent(connection, LUN, SENSE))).toEqual({
      header: `32800000 00000014 00030000 00000000 ffffffff 00000000 ${NUMBERS} 00000000 00000000 00000000`,
      data: `0012${SENSE.toString('hex')}`,
    })
  })

  it('[ASYNC-1] [ASYNC-3] event 1 has the seconds that are left for the logout', () => {
    expect(sentBy((connection) => sendLogoutRequest(connection, 0x1234))).toEqual({
      header: `32800000 00000000 ${NO_LUN} ffffffff 00000000 ${NUMBERS} 01000000 00001234 00000000`,
      data: '',
    })
  })

  it('[ASYNC-1] [ASYNC-4] event 2 has the CID, and the times of the session', () => {
    expect(sentBy((connection) => sendConnectionDrop(connection, 0x0102, 0x0304, 0x0506))).toEqual({
      header: `32800000 00000000 ${NO_LUN} ffffffff 00000000 ${NUMBERS} 02000102 03040506 00000000`,
      data: '',
    })
  })

  it('[ASYNC-1] [ASYNC-5] event 3 has the times of the session', () => {
    const { header, data } = sentBy(sendSessionDrop)
    expect(header).toBe(`32800000 00000000 ${NO_LUN} ffffffff 00000000 ${NUMBERS} 03000000 00070005 00000000`)
    expect(data).toBe('')
  })

  it('[ASYNC-1] [ASYNC-6] event 4 has the seconds that are left for the negotiation', () => {
    expect(sentBy((connection) => sendNegotiationRequest(connection, 7))).toEqual({
      header: `32800000 00000000 ${NO_LUN} ffffffff 00000000 ${NUMBERS} 04000000 00000007 00000000`,
      data: '',
    })
  })

  it('[ASYNC-1] [ASYNC-7] event 5 has the LUN', () => {
    expect(sentBy((connection) => sendTaskTermination(connection, LUN))).toEqual({
      header: `32800000 00000000 00030000 00000000 ffffffff 00000000 ${NUMBERS} 05000000 00000000 00000000`,
      data: '',
    })
  })

  it('[ASYNC-9] has nothing to say to a discovery session', () => {
    const { host, node } = logIn({ discovery: true })
    host.take()
    sendLogoutRequest(host.connection, 3)
    sendSessionDrop(host.connection)
    node.clock.settle()
    expect(host.take()).toEqual([])
  })
})
