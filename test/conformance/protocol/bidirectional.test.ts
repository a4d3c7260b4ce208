/** Bidirectional commands and CDBs of 32 bytes from end to end, RFC 7143 11.2.2, 11.3.4, 11.3.5 and 11.4.1. */

import { describe, expect, it } from 'vitest'
import type { ConnectionHarness } from '../../support/connection-harness.ts'
import { openScsiSession, scsiNode, seen, sendCdb } from '../../support/scsi-node.ts'
import { bidirectionalReadAhs, extendedCdbAhs } from '../../support/wire-ahs.ts'
import { FINAL, OPCODE } from '../../support/wire-pdu.ts'
import { pattern, SIMPLE } from '../../support/wire-scsi.ts'

const READ_AND_WRITE = FINAL | 0x60 | SIMPLE
const DATA = pattern(1024, 3)

const XDWRITEREAD_10 = Buffer.from('53000000000800000200', 'hex')
/** The first half of XDWRITEREAD (32), and the second for two blocks at LBA 8. */
const XDWRITEREAD_32 = Buffer.from('7f0000000000001800070000'.padEnd(32, '0'), 'hex')
const XDWRITEREAD_32_TAIL = Buffer.from('00000008000000000000000000000002', 'hex')

interface Request {
  readonly cdb?: Buffer
  readonly segments?: readonly Buffer[]
  readonly readBytes?: number
  readonly writeBytes?: number
  readonly immediate?: Buffer
}

function begin(keys: Record<string, string> = {}) {
  const bench = scsiNode()
  const [host] = openScsiSession(bench, { keys })
  const store = bench.stores[0]!
  pattern(store.sizeBytes, 5).copy(store.bytes)
  const before = Buffer.from(store.bytes.subarray(4096, 5120))
  const difference = Buffer.from(DATA.map((byte, at) => byte ^ before[at]!))
  return { ...bench, host: host!, store, difference }
}

function send(host: ConnectionHarness, request: Request): void {
  const { cdb = XDWRITEREAD_10, segments = [], readBytes = 1024, writeBytes = 1024, immediate } = request
  const ahs = Buffer.concat([...segments, bidirectionalReadAhs(readBytes)])
  const data = immediate === undefined ? {} : { data: immediate }
  sendCdb(host, 1, {
    cdb,
    expectedDataTransferLength: writeBytes,
    fields: { byte1: READ_AND_WRITE, ahs, ...data },
  })
}

describe.each([
  ['XDWRITEREAD (10)', XDWRITEREAD_10, []],
  ['XDWRITEREAD (32)', XDWRITEREAD_32, [extendedCdbAhs(XDWRITEREAD_32_TAIL)]],
] as const)('%s', (_name, cdb, segments) => {
  it('[PDU-15] [PDU-16] takes data and gives data', () => {
    const { host, store, difference, node } = begin()
    send(host, { cdb, segments })
    const [r2t] = host.take()
    expect([r2t!.opcode, r2t!.word(44)]).toEqual([OPCODE.R2T, 1024])
    host.dataOut(1, r2t!.ttt, 0, 0, DATA)
    const [dataIn, response] = host.take()
    expect([dataIn!.opcode, dataIn!.word(40), dataIn!.byte(1)]).toEqual([OPCODE.DATA_IN, 0, FINAL])
    expect(dataIn!.data.equals(difference)).toBe(true)
    expect([response!.opcode, response!.byte(3), response!.byte(1)]).toEqual([OPCODE.SCSI_RESPONSE, 0, FINAL])
    expect([response!.word(40), response!.word(44)]).toEqual([0, 0])
    expect(store.bytes.subarray(4096, 5120).equals(DATA)).toBe(true)
    expect(node.taken).toEqual([0, 0, 0])
  })

  it('[PDU-16] takes its data with the command', () => {
    const { host, store, difference } = begin({ ImmediateData: 'Yes' })
    send(host, { cdb, segments, immediate: DATA })
    const [dataIn] = host.take()
    expect(dataIn!.data.equals(difference)).toBe(true)
    expect(store.bytes.subarray(4096, 5120).equals(DATA)).toBe(true)
  })
})

describe('the residuals of a bidirectional command', () => {
  it.each([
    ['nothing', 1024, 1024, 0x00, 0, 0],
    ['room for more Data-In', 1536, 1024, 0x08, 512, 0],
    ['too little room for Data-In', 512, 1024, 0x10, 512, 0],
    ['more Data-Out than is taken', 1024, 2048, 0x02, 0, 1024],
    ['both', 1536, 2048, 0x0a, 512, 1024],
  ])('[RSP-10] tell of %s', (_name, readBytes, writeBytes, bits, readResidual, writeResidual) => {
    const { host } = begin()
    const padded = Buffer.concat([DATA, Buffer.alloc(1024)]).subarray(0, writeBytes)
    send(host, { readBytes, writeBytes, immediate: padded })
    const response = host.take().at(-1)!
    expect([response.byte(3), response.byte(1) & 0x1e]).toEqual([0, bits])
    expect([response.word(40), response.word(44)]).toEqual([readResidual, writeResidual])
  })

  it('[RSP-10] count all of both directions for a command of one direction, and for one that fails', () => {
    const { host } = begin()
    send(host, { cdb: Buffer.from('28000000000800000200', 'hex'), immediate: DATA })
    const read = host.take().at(-1)!
    expect([read.byte(3), read.byte(1) & 0x1e, read.word(40), read.word(44)]).toEqual([0, 0x02, 0, 1024])
    send(host, { cdb: Buffer.from('c5000000000000000000', 'hex'), immediate: DATA })
    const failed = host.take().at(-1)!
    expect([failed.byte(3), failed.byte(1) & 0x1e, failed.word(40), failed.word(44)]).toEqual([2, 0x0a, 1024, 1024])
  })
})

describe('an aborted bidirectional command', () => {
  it('leaves nothing behind', () => {
    const { host, node, store } = begin()
    send(host, {})
    expect(seen(host)).toEqual(['r2t 01'])
    host.connection.transportClosed()
    node.clock.settle()
    expect(store.countOf('writev')).toBe(0)
    expect(node.taken).toEqual([0, 0, 0])
  })
})
