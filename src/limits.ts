/**
 * The bound of every queue, pool and timer of the server, in one place, with the sums that follow from them.
 *
 * Memory that a session's initiator can make the server hold, what is kept only at error recovery level 1 and higher:
 *   unsolicited data     commandWindow x the two receive buffers that FIRST_BURST_BYTES may lie in
 *                                                           = 128 x 2 x 256 KiB =   64 MiB
 *                        from an initiator that sends it in pieces among other things, 512 KiB, four times the data and
 *                        the two buffers of the last piece             =                256 MiB
 *   solicited data       inboundBytesMax + one burst (1 MiB)           =                  9 MiB
 *   data to send         outboundBytesMax + commandWindow pieces that were begun before the gate closed, in the usual case
 *                        of one piece (256 KiB) over                   =              8.25 MiB
 *                        with several connections, where the gate begins no command later, outboundBytesMax for each and
 *                        commandWindow pieces: of 8 connections        =                 96 MiB
 *   answers not read     2 x outboundBytesMax with the data, then nothing more is received
 *   kept Data-In         retainedDataInBytesMax + a burst and a piece (1.25 MiB) for each read that was begun before the gate
 *                        closed, at most 64 on one connection with pieces of 256 KiB; commandWindow of them if the
 *                        session has several connections               =       88 MiB, or 168 MiB
 *                        for each connection whose initiator leaves its answers unacknowledged, until
 *                        acknowledgementTimeoutMs ends it; lost ones (lostConnectionsMax) count as well for as long as
 *                        they are kept
 *   kept statuses        retainedStatusBytesMax for each connection    =                  2 MiB
 *   exclusive-or         commandWindow x both directions of XDWRITEREAD_BYTES_MAX (64 KiB)
 *                                                                      =                 16 MiB
 *   texts                textBytesMax, incoming and outgoing           =                128 KiB
 *   out-of-order headers commandWindow x (48 + ahsBytesMax)            =                 38 KiB
 * A connection that has not logged in: one receive buffer (16 KiB, 256 KiB while data streams in), header scratch (1.1
 * KiB), textBytesMax, and textKeysMax keys with their answers (about 200 KiB). One with TLS: about 40 KiB more. At most
 * pendingLoginsMax of them = 561 MiB, when each sends all that it may.
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
  pendingLoginsMax: 1024,
  sessionsMax: 1024,
  failedSessionsMax: 256,
  lostConnectionsMax: 16,
  commandWindow: 128,
  immediateCommandsMax: 64,
  managementRequestsMax: 64,
  loginTimeoutMs: 15_000,
  loginExchangesMax: 64,
  recentChallengesMax: 4096,
  textBytesMax: 64 * KIB,
  textKeysMax: 1024,
  ahsBytesMax: 256,
  outboundBytesMax: 8 * MIB,
  retainedDataInBytesMax: 8 * MIB,
  retainedStatusBytesMax: 2 * MIB,
  inboundBytesMax: 8 * MIB,
  transferTagsMax: 2048,
  abortDataOutTimeoutMs: 2_000,
  acknowledgementTimeoutMs: 15_000,
  statusReminderMs: 5_000,
  dataOutTimeoutMs: 60_000,
  sequenceTimeoutMs: 15_000,
  recoveryR2TsMax: 4,
  logoutTimeoutMs: 10_000,
  logoutRequestTimeoutMs: 3_000,
  discoveryIdleMs: 300_000,
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

/** What one may want differently: each parameter of a session and of a connection by its name. */
export type PreferredParameters = LoginPreferences['session'] & LoginPreferences['connection']

/**
 * What we negotiate for: everything that we can do, for initiators that can as well. Short writes travel with their
 * command; long ones are asked for in bursts of 1 MiB. There is nothing that an initiator would have to wait for after
 * it has lost a connection, so Time2Wait is its own.
 */
const PREFERRED: PreferredParameters = {
  ...SESSION_PARAMETER_DEFAULTS,
  maxConnections: 8,
  errorRecoveryLevel: 2,
  taskReporting: 'FastAbort',
  iSCSIProtocolLevel: 2,
  initialR2T: false,
  immediateData: true,
  firstBurstLength: FIRST_BURST_BYTES,
  maxBurstLength: MAX_BURST_BYTES,
  maxOutstandingR2T: 8,
  defaultTime2Wait: 0,
  defaultTime2Retain: 20,
  headerDigest: true,
  dataDigest: true,
  targetMaxRecvDataSegmentLength: DATA_SEGMENT_BYTES,
}

/** What to negotiate for: ours, but for what `wanted` says. A first burst never exceeds a burst. */
export function loginPreferences(limits: Limits, wanted: Partial<PreferredParameters> = {}): LoginPreferences {
  const all = { ...PREFERRED, ...wanted }
  const { headerDigest, dataDigest, targetMaxRecvDataSegmentLength, ...session } = all
  return {
    session: { ...session, firstBurstLength: Math.min(all.firstBurstLength, all.maxBurstLength) },
    connection: { headerDigest, dataDigest, targetMaxRecvDataSegmentLength },
    textBytesMax: limits.textBytesMax,
    keysMax: limits.textKeysMax,
    exchangesMax: limits.loginExchangesMax,
  }
}
