/**
 * The bounds of everything that a peer can make this layer hold or wait for. The application chooses the values and
 * adds them up; see there for the sums.
 */

export interface ProtocolLimits {
  /**
   * Connections at a time, over all portals. For one more, the oldest that has not logged in is closed; when all have
   * logged in, the new one is.
   */
  readonly connectionsMax: number
  /** Sessions at a time, discovery sessions included; one more is refused at login. */
  readonly sessionsMax: number
  /** Commands that a session may have outstanding: the width of its command window (MaxCmdSN - ExpCmdSN + 1). */
  readonly commandWindow: number
  /** Immediate commands that a connection may have outstanding; one more is rejected. */
  readonly immediateCommandsMax: number
  /** Task management requests that a session may have unanswered; one more is rejected. */
  readonly managementRequestsMax: number
  /** How long a connection may take from its first byte to full feature phase. */
  readonly loginTimeoutMs: number
  /** Requests in one Login Phase. */
  readonly loginExchangesMax: number
  /** CHAP challenges that are remembered, to notice one that comes back from another connection. */
  readonly recentChallengesMax: number
  /** Bytes of text that one negotiation may add up to over several PDUs, in login and in full feature phase. */
  readonly textBytesMax: number
  /** Bytes of additional header segments of one PDU. */
  readonly ahsBytesMax: number
  /**
   * Bytes of a connection that are read or queued for sending; beyond it no further Data-In is fetched, and beyond twice
   * as much nothing more is received.
   */
  readonly outboundBytesMax: number
  /** Bytes of a connection that are asked for by R2T or not yet written; beyond it no further R2T goes out. */
  readonly inboundBytesMax: number
  /** R2Ts of ended tasks whose tags are kept for data that still comes; beyond it the oldest are forgotten. */
  readonly transferTagsMax: number
  /** How long a reset waits for data that R2Ts of its tasks have asked for. */
  readonly abortDataOutTimeoutMs: number
  /** How long an initiator may take to deliver what an R2T asked for. */
  readonly dataOutTimeoutMs: number
  /** After this silence the initiator is pinged. */
  readonly pingIdleMs: number
  /** An initiator that has answered a ping before and leaves one unanswered for so long is gone. */
  readonly pingTimeoutMs: number
  /** Idle headers, tasks and Data-In bytes that are kept for the next use. */
  readonly idleHeadersMax: number
  readonly idleTasksMax: number
  readonly idleDataInBytesMax: number
  /** Bytes of idle memory that sockets receive into. */
  readonly idleReceiveBytesMax: number
  /** How long a closing connection waits for the peer to close its side. */
  readonly closeTimeoutMs: number
}
