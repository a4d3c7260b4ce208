/**
 * Requests of a simulated initiator other than SCSI commands, and what their answers mean: pings, task management,
 * renegotiation of MaxRecvDataSegmentLength, logouts. Each takes an Initiator Task Tag until it is answered.
 */

import type { SeededRandom } from '../seeded-random.ts'
import { FUNCTION, type RequestFields } from '../wire-pdu.ts'
import type { InitiatorConnection } from './initiator-connection.ts'
import type { SimulatedCommand } from './simulated-command.ts'

/** RFC 7143 11.14.1. */
export const LOGOUT = { CLOSE_SESSION: 0, CLOSE_CONNECTION: 1, REMOVE_FOR_RECOVERY: 2 } as const

/** Logout Response (RFC 7143 11.15.1). */
export const LOGGED_OUT = { CLOSED: 0, CID_NOT_FOUND: 1, RECOVERY_NOT_SUPPORTED: 2, CLEANUP_FAILED: 3 } as const

/** Asynchronous Message (RFC 7143 11.9.1). */
export const ASYNC = { CONNECTION_DROP: 2, TASK_TERMINATION: 5 } as const

interface ExchangeBase {
  readonly tag: number
  readonly connection: InitiatorConnection
  /** Null for immediate requests. */
  readonly cmdSN: number | null
  readonly request: RequestFields
}

export interface PingExchange extends ExchangeBase {
  readonly kind: 'ping'
  readonly data: Buffer
}

export interface ManagementExchange extends ExchangeBase {
  readonly kind: 'management'
  readonly function: number
  readonly covered: readonly SimulatedCommand[]
}

export interface TextExchange extends ExchangeBase {
  readonly kind: 'text'
}

export interface LogoutExchange extends ExchangeBase {
  readonly kind: 'logout'
  readonly reason: number
  /** The connection that is to be logged out. */
  readonly closing: InitiatorConnection
}

export type Exchange = PingExchange | ManagementExchange | TextExchange | LogoutExchange

/** For messages. */
export function describeExchange(exchange: Exchange): string {
  const { kind, tag, cmdSN, connection } = exchange
  const what = kind === 'management' ? exchange.function : kind === 'logout' ? exchange.closing.cid : ''
  return `${kind} ${what}: ${tag} (CmdSN ${cmdSN}) on ${connection.cid} ${connection.phase}`
}

/** Functions over whole task sets of the logical unit. */
export function coversTaskSet(functionCode: number): boolean {
  return functionCode >= FUNCTION.ABORT_TASK_SET && functionCode <= FUNCTION.TARGET_COLD_RESET
}

/** Functions that do not wait for what was sent before them (RFC 7143 4.2.3.3 b). */
export function resetsTarget(functionCode: number): boolean {
  return functionCode === FUNCTION.TARGET_WARM_RESET || functionCode === FUNCTION.TARGET_COLD_RESET
}

/** Functions that end commands of other nexuses too. */
export function disturbsOthers(functionCode: number): boolean {
  return functionCode >= FUNCTION.CLEAR_TASK_SET && functionCode <= FUNCTION.TARGET_COLD_RESET
}

/** Functions that end the session which asks for them. */
export function endsSession(functionCode: number): boolean {
  return functionCode === FUNCTION.TARGET_COLD_RESET || functionCode === FUNCTION.I_T_NEXUS_RESET
}

export function isQuery(functionCode: number): boolean {
  return functionCode >= FUNCTION.QUERY_TASK && functionCode !== FUNCTION.I_T_NEXUS_RESET
}

/** A function over more than one task, or a query where `protocolLevel` has them; those that end sessions are rare. */
export function anyFunction(random: SeededRandom, protocolLevel: number): number {
  const { ABORT_TASK_SET, CLEAR_TASK_SET, LOGICAL_UNIT_RESET, TARGET_WARM_RESET, TARGET_COLD_RESET } = FUNCTION
  if (random.chance(0.1)) return random.pick([TARGET_WARM_RESET, TARGET_COLD_RESET])
  if (protocolLevel < 2 || random.chance(0.6)) {
    return random.pick([ABORT_TASK_SET, ABORT_TASK_SET, CLEAR_TASK_SET, LOGICAL_UNIT_RESET])
  }
  if (random.chance(0.1)) return FUNCTION.I_T_NEXUS_RESET
  return random.pick([FUNCTION.QUERY_TASK, FUNCTION.QUERY_TASK_SET, FUNCTION.QUERY_ASYNCHRONOUS_EVENT])
}
