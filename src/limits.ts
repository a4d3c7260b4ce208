/**
 * The bound of every queue, pool and timer of the server, in one place, with the sums that follow from them.
 *
 * Memory that a session's initiator can make the server hold:
 *   unsolicited data     commandWindow x the two receive buffers that FIRST_BURST_BYTES may lie in
 *                                                           = 128 x 2 x 256 KiB =   64 MiB
 *   solicited data       inboundBytesMax + one burst (1 MiB)           =                  9 MiB
 *   data to send         outboundBytesMax + commandWindow pieces that were begun before the gate closed, in the usual case
 *                        of one piece (256 KiB) over                   =              8.25 MiB
 *   answers not read     2 x outboundBytesMax with the data, then nothing more is received
 *   texts                textBytesMax, incoming and outgoing           =                128 KiB
 *   out-of-order headers commandWindow x (48 + ahsBytesMax)            =                 38 KiB
 * A connection that has not logged in: one receive buffer (16 KiB, 256 KiB while data streams in), header scratch (1.1
 * KiB), textBytesMax, and KEYS_MAX keys with their answers (about 200 KiB).
 * Idle pools of the whole server: idleDataInBytesMax + idleReceiveBytesMax + idleHeadersMax x 52 B + idleTasksMax x about
 * 1 KiB = 50 MiB.
 */

import type { ProtocolLimits } from '../protocol/limits.ts'
import type { LoginPreferences } from '../protocol/login/login-machine.ts'
import { SESSION_PARAMETER_DEFAULTS } from '../protocol/login/parameters.ts'

const KIB = 1024
const MIB = 1024 * KIB

export interface Limits extends ProtocolLimits {
  /** How long an orderly stop waits for commands that run. */
  readonly drainTimeoutMs: number
  /** Log lines with the same message that peers may cause in a period. */
  readonly logLinesMax: number
  readonly logPeriodMs: number
}

export const LIMITS: Limits = {
  connectionsMax: 4096,
  sessionsMax: 1024,
  commandWindow: 128,
  immediateCommandsMax: 64,
  managementRequestsMax: 64,
  loginTimeoutMs: 15_000,
  loginExchangesMax: 64,
  recentChallengesMax: 4096,
  textBytesMax: 64 * KIB,
  ahsBytesMax: 256,
  outboundBytesMax: 8 * MIB,
  inboundBytesMax: 8 * MIB,
  transferTagsMax: 2048,
  abortDataOutTimeoutMs: 2_000,
  dataOutTimeoutMs: 60_000,
  pingIdleMs: 30_000,
  pingTimeoutMs: 30_000,
  idleHeadersMax: 8 * KIB,
  idleTasksMax: KIB,
  idleDataInBytesMax: 32 * MIB,
  idleReceiveBytesMax: 16 * MIB,
  closeTimeoutMs: 5_000,
  drainTimeoutMs: 10_000,
  logLinesMax: 100,
  logPeriodMs: 60_000,
}

const FIRST_BURST_BYTES = 256 * KIB
const MAX_BURST_BYTES = MIB
const DATA_SEGMENT_BYTES = 256 * KIB

/**
 * What we negotiate for. Short writes travel with their command; long ones are asked for in bursts of 1 MiB. Nothing of
 * a lost connection is kept (error recovery level 0), so Time2Retain is zero.
 */
export function loginPreferences(limits: Limits): LoginPreferences {
  return {
    session: {
      ...SESSION_PARAMETER_DEFAULTS,
      initialR2T: false,
      immediateData: true,
      firstBurstLength: FIRST_BURST_BYTES,
      maxBurstLength: MAX_BURST_BYTES,
      maxOutstandingR2T: 8,
      defaultTime2Wait: 0,
      defaultTime2Retain: 0,
    },
    connection: { headerDigest: true, dataDigest: true, targetMaxRecvDataSegmentLength: DATA_SEGMENT_BYTES },
    textBytesMax: limits.textBytesMax,
    exchangesMax: limits.loginExchangesMax,
  }
}
