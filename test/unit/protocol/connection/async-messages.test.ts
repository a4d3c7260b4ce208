import { describe, expect, it } from 'vitest'
import {
  sendConnectionDrop,
  sendLogoutRequest,
  sendNegotiationRequest,
  sendScsiEvent,
  sendSessionDrop,
  sendTaskTermination,
} from '../../../../protocol/connection/async-messages.ts'
import type { Connection } from '../../../../protocol/connection/connection.ts'
import { NodeHarness } from '../../../support/connection-harness.ts'
import { NO_TAG, OPCODE } from '../../../support/wire-pdu.ts'

const LUN = Buffer.from('0102030405060708', 'hex')
const SENSE = Buffer.from('700006000000000a00000000290000000000', 'hex')
const NO_LUN = '0000000000000000'

function loggedIn({ discovery = false } = {}) {
  const node = new NodeHarness()
  const host = node.connect()
  host.login({ discovery, keys: discovery ? {} : { DefaultTime2Wait: '3', DefaultTime2Retain: '40' } })
  host.take()
  const heard = (send: (connection: Connection) => void) => {
    send(host.connection)
    node.clock.settle()
    return host.take()
  }
  return { node, host, heard }
}

const EVENTS: readonly [string, (connection: Connection) => void, string, string, Buffer][] = [
  [
    '[ASYNC-2] a SCSI event',
    (to) => sendScsiEvent(to, LUN, SENSE),
    LUN.toString('hex'),
    '0000' + '000000000000',
    SENSE,
  ],
  ['[ASYNC-3] a logout request', (to) => sendLogoutRequest(to, 7), NO_LUN, '0100' + '000000000007', Buffer.alloc(0)],
  [
    '[ASYNC-4] a connection drop',
    (to) => sendConnectionDrop(to, 9, 2, 20),
    NO_LUN,
    '0200000900020014',
    Buffer.alloc(0),
  ],
  ['[ASYNC-5] a session drop', sendSessionDrop, NO_LUN, '0300' + '0000' + '0003' + '0000', Buffer.alloc(0)],
  [
    '[ASYNC-6] a negotiation request',
    (to) => sendNegotiationRequest(to, 5),
    NO_LUN,
    '0400000000000005',
    Buffer.alloc(0),
  ],
  [
    '[ASYNC-7] a task termination',
    (to) => sendTaskTermination(to, LUN),
    LUN.toString('hex'),
    '0500000000000000',
    Buffer.alloc(0),
  ],
]

describe('Asynchronous Messages', () => {
  it.each(EVENTS)('[ASYNC-1] %s', (_name, send, lun, event, sense) => {
    const { host, heard } = loggedIn()
    const { defaultTime2Wait, defaultTime2Retain } = host.connection.session.parameters
    const [message, ...others] = heard(send)
    expect(others).toEqual([])
    expect([message!.opcode, message!.byte(1), message!.itt]).toEqual([OPCODE.ASYNC, 0x80, NO_TAG])
    expect(message!.header.subarray(8, 16).toString('hex')).toBe(lun)
    const times = Buffer.alloc(4)
    times.writeUInt16BE(defaultTime2Wait, 0)
    times.writeUInt16BE(defaultTime2Retain, 2)
    const expected = send === sendSessionDrop ? `03000000${times.toString('hex')}` : event
    expect(message!.header.subarray(36, 44).toString('hex')).toBe(expected)
    expect(message!.word(20) + message!.word(44)).toBe(0)
    const length = Buffer.from([sense.length >> 8, sense.length & 0xff])
    expect(message!.data).toEqual(sense.length === 0 ? sense : Buffer.concat([length, sense]))
    // It takes a StatSN of its own.
    const [next] = heard(sendSessionDrop)
    expect(next!.statSN).toBe(message!.statSN + 1)
  })

  it.each(EVENTS)('[ASYNC-9] %s: not to a discovery session, nor before login, nor after the end', (_name, send) => {
    const discovery = loggedIn({ discovery: true })
    expect(discovery.heard(send)).toEqual([])
    const node = new NodeHarness()
    const stranger = node.connect()
    send(stranger.connection)
    node.clock.settle()
    expect(stranger.received).toEqual([])
    const gone = loggedIn()
    gone.host.connection.transportClosed()
    expect(gone.heard(send)).toEqual([])
    expect([discovery.node.taken, node.taken, gone.node.taken]).toEqual([
      [0, 0, 0],
      [0, 0, 0],
      [0, 0, 0],
    ])
  })
})
