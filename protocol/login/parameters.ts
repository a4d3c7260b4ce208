/**
 * The outcome of a login's operational negotiation (RFC 7143 chapter 13): plain values that the session and the
 * connection work with. Produced by `negotiation.ts`, never changed afterwards except where a key may be redeclared
 * in full feature phase (MaxRecvDataSegmentLength).
 */

export type SessionType = 'Normal' | 'Discovery'

/** Session-wide results (leading connection only). Units: bytes and seconds. */
export interface SessionParameters {
  readonly maxConnections: number
  readonly initialR2T: boolean
  readonly immediateData: boolean
  readonly maxBurstLength: number
  readonly firstBurstLength: number
  readonly defaultTime2Wait: number
  readonly defaultTime2Retain: number
  readonly maxOutstandingR2T: number
  readonly dataPDUInOrder: boolean
  readonly dataSequenceInOrder: boolean
  readonly errorRecoveryLevel: 0 | 1 | 2
  readonly taskReporting: 'RFC3720' | 'ResponseFence' | 'FastAbort'
  readonly iSCSIProtocolLevel: number
}

/** Per-connection results. */
export interface ConnectionParameters {
  readonly headerDigest: boolean
  readonly dataDigest: boolean
  /** The most that the initiator takes in one data segment (its declaration); bounds what we send. */
  readonly initiatorMaxRecvDataSegmentLength: number
  /** The most that we take in one data segment (our declaration); bounds what we accept. */
  readonly targetMaxRecvDataSegmentLength: number
}

/** Defaults that hold for every key that nobody offered (RFC 7143 chapter 13). */
export const SESSION_PARAMETER_DEFAULTS: SessionParameters = {
  maxConnections: 1,
  initialR2T: true,
  immediateData: true,
  maxBurstLength: 262_144,
  firstBurstLength: 65_536,
  defaultTime2Wait: 2,
  defaultTime2Retain: 20,
  maxOutstandingR2T: 1,
  dataPDUInOrder: true,
  dataSequenceInOrder: true,
  errorRecoveryLevel: 0,
  taskReporting: 'RFC3720',
  iSCSIProtocolLevel: 1,
}

export const CONNECTION_PARAMETER_DEFAULTS: ConnectionParameters = {
  headerDigest: false,
  dataDigest: false,
  initiatorMaxRecvDataSegmentLength: 8192,
  targetMaxRecvDataSegmentLength: 8192,
}
