/**
 * A disk that can be reached through two target ports, 1 and 2, and initiators that have read their unit attentions: `a`
 * through port 1, `b` and `c` through port 2.
 */

import type { AccessState } from '../../scsi/access-states.ts'
import type { LogicalUnit } from '../../scsi/logical-unit.ts'
import { type Exchange, type TestBench, TestInitiator, testBench } from './scsi-initiator.ts'

export interface TwoTargetPorts {
  readonly bench: TestBench
  readonly logicalUnit: LogicalUnit
  readonly a: TestInitiator
  readonly b: TestInitiator
  readonly c: TestInitiator
}

/** Both ports are active/optimized until a test says otherwise. */
export function twoTargetPorts(options: Parameters<typeof testBench>[0] = {}): TwoTargetPorts {
  const bench = testBench(options)
  const [b, c] = ['b', 'c'].map((name) =>
    pastUnitAttention(new TestInitiator(bench.target, name, undefined, targetPort(2))),
  )
  return { bench, logicalUnit: bench.logicalUnit, a: bench.initiator, b: b!, c: c! }
}

/** It has read the only unit attention, through a port in whatever state. */
function pastUnitAttention(initiator: TestInitiator): TestInitiator {
  initiator.send([0x00])
  return initiator
}

/** The part of a nexus that is about a target port. */
export function targetPort(relativeTargetPort: number): { targetPortName: string; relativeTargetPort: number } {
  const tag = relativeTargetPort.toString(16).padStart(4, '0')
  return { targetPortName: `iqn.2026-11.example:disk,t,0x${tag}`, relativeTargetPort }
}

/** Port 2 is in this state, and everybody has heard of it. */
export function enterState({ logicalUnit, a, b, c }: TwoTargetPorts, state: AccessState): void {
  logicalUnit.changeAccess([{ targetPortGroup: 2, state }], null)
  for (const initiator of [a, b, c]) initiator.send([0x00])
}

/** REPORT TARGET PORT GROUPS; byte 1 is the PARAMETER DATA FORMAT with the service action. */
export function reportGroups(initiator: TestInitiator, allocationLength = 4096, byte1 = 0x0a): Exchange {
  const cdb = Buffer.alloc(12)
  cdb[0] = 0xa3
  cdb[1] = byte1
  cdb.writeUInt32BE(allocationLength, 6)
  return initiator.send(cdb)
}

/** SET TARGET PORT GROUPS with descriptors in hexadecimal behind the four bytes of the header. */
export function setGroups(initiator: TestInitiator, descriptors: string, lengthBytes?: number): Exchange {
  const list = Buffer.from(`00000000${descriptors.replace(/\s/g, '')}`, 'hex')
  const cdb = Buffer.alloc(12)
  cdb[0] = 0xa4
  cdb[1] = 0x0a
  cdb.writeUInt32BE(lengthBytes ?? list.length, 6)
  return initiator.send(cdb, { dataOut: list })
}

/** The state of port 2, as REPORT TARGET PORT GROUPS says: the descriptor's first byte, and STATUS CODE. */
export function stateOfPort2(initiator: TestInitiator): readonly [state: number, statusCode: number] {
  const descriptor = reportGroups(initiator).dataIn.subarray(16, 28)
  return [descriptor[0]!, descriptor[5]!]
}
