/** Steps of sessions with several connections over the connection harness: nodes, joins, logouts, what came out. */

import { expect } from 'vitest'
import { completeTask } from '../../protocol/connection/task-lifecycle.ts'
import { type ConnectionHarness, NodeHarness } from './connection-harness.ts'
import { NO_TAG, OPCODE, type TargetPdu } from './wire-pdu.ts'

export const TIME2WAIT_SECONDS = 2
export const TIME2RETAIN_SECONDS = 20
/** How long the state of a lost connection is kept. */
export const RETENTION_MS = (TIME2WAIT_SECONDS + TIME2RETAIN_SECONDS) * 1000

export const LOGOUT = { closeSession: 0, closeConnection: 1, removeForRecovery: 2 } as const
export const LOGOUT_ANSWER = { closed: 0, cidNotFound: 1, recoveryNotSupported: 2, cleanupFailed: 3 } as const
export const ASYNC_EVENT = { logoutRequest: 1, connectionDrop: 2, sessionDrop: 3 } as const

/** A node that grants up to four connections a session and keeps what belongs to lost ones. */
export function recoveringNode(limits: ConstructorParameters<typeof NodeHarness>[0] = {}): NodeHarness {
  return new NodeHarness(limits, null, {
    maxConnections: 4,
    errorRecoveryLevel: 2,
    defaultTime2Wait: TIME2WAIT_SECONDS,
    defaultTime2Retain: TIME2RETAIN_SECONDS,
  })
}

/** What a leading login offers to get there. */
export function recoveringKeys(errorRecoveryLevel: number, maxConnections = 4): Record<string, string> {
  return {
    ErrorRecoveryLevel: String(errorRecoveryLevel),
    MaxConnections: String(maxConnections),
    DefaultTime2Wait: String(TIME2WAIT_SECONDS),
    DefaultTime2Retain: String(TIME2RETAIN_SECONDS),
  }
}

/** A session of `count` connections, CIDs from 0 on, whose logins have been read. */
export function openSession(node: NodeHarness, errorRecoveryLevel: number, count = 2): ConnectionHarness[] {
  const leading = node.connect()
  leading.login({ keys: recoveringKeys(errorRecoveryLevel) })
  const connections = [leading]
  for (let cid = 1; cid < count; cid++) {
    const connection = node.connect()
    connection.join(leading, cid)
    connections.push(connection)
  }
  for (const connection of connections) connection.take()
  return connections
}

/** Send a Logout Request. */
export function logout(
  host: ConnectionHarness,
  reason: number,
  { cid = host.cid, itt = 0x900, immediate = true }: { cid?: number; itt?: number; immediate?: boolean } = {},
): void {
  const cmdSN = immediate ? host.cmdSN : host.cmdSN++
  host.request({
    opcode: OPCODE.LOGOUT_REQUEST,
    immediate,
    byte1: 0x80 | reason,
    itt,
    words: { 20: cid << 16, 24: cmdSN, 28: host.expStatSN },
  })
}

/** Send a TASK REASSIGN. */
export function reassign(
  host: ConnectionHarness,
  referencedTaskTag: number,
  { expDataSN = 0, itt = 0x800, immediate = true }: { expDataSN?: number; itt?: number; immediate?: boolean } = {},
): void {
  const cmdSN = immediate ? host.cmdSN : host.cmdSN++
  host.request({
    opcode: OPCODE.TASK_MANAGEMENT_REQUEST,
    immediate,
    byte1: 0x88,
    itt,
    words: { 20: referencedTaskTag, 24: cmdSN, 28: host.expStatSN, 36: expDataSN },
  })
}

/** Ping, which also acknowledges all that came. */
export function ping(host: ConnectionHarness, itt = 0x700): void {
  const words = { 20: NO_TAG, 24: host.cmdSN, 28: host.expStatSN }
  host.request({ opcode: OPCODE.NOP_OUT, immediate: true, itt, words })
}

/** What came, without the NOP-Ins that only say how far the command window reaches (RFC 7143 11.4.11). */
export function takeAnswers(host: ConnectionHarness): TargetPdu[] {
  return host.take().filter((pdu) => pdu.opcode !== OPCODE.NOP_IN || pdu.itt !== NO_TAG || pdu.ttt !== NO_TAG)
}

/** What came, as opcodes. */
export function opcodesOf(pdus: readonly TargetPdu[]): number[] {
  return pdus.map(({ opcode }) => opcode)
}

/** The status of the last Login Response, class and detail as one number. */
export function loginStatus(host: ConnectionHarness): number | undefined {
  return takeAnswers(host).at(-1)?.header.readUInt16BE(36)
}

/** The AsyncEvent and its three parameters. */
export function asyncEvent({ header }: TargetPdu): number[] {
  return [header[36]!, header.readUInt16BE(38), header.readUInt16BE(40), header.readUInt16BE(42)]
}

/** The Initiator Task Tags of the commands that the SCSI layer has. */
export function tagsOf(node: NodeHarness): number[] {
  return node.scsi.tasks.map(({ initiatorTaskTag }) => initiatorTaskTag)
}

/** The state of each session of the node. */
export function stateOf(node: NodeHarness): string[] {
  return [...node.context.sessions.sessions()].map(({ state }) => state)
}

/** Have the SCSI layer complete a command with GOOD. */
export function complete(node: NodeHarness, tag: number): void {
  const task = node.scsi.tasks.find(({ initiatorTaskTag }) => initiatorTaskTag === tag)
  node.scsi.ended(task!)
  completeTask(task!, 0, null, 0)
  node.clock.settle()
}

/** The response code of the one PDU that came. */
export function answer(host: ConnectionHarness): number {
  const pdus = takeAnswers(host)
  expect(pdus).toHaveLength(1)
  return pdus[0]!.byte(2)
}

/** Once everything is at rest, nothing is left of any session. */
export function expectEmpty(node: NodeHarness): void {
  node.scsi.rest()
  node.clock.settle()
  expect([node.context.sessions.size, node.scsi.openNexusCount, node.clock.timerCount]).toEqual([0, 0, 0])
  expect(node.taken).toEqual([0, 0, 0])
}
