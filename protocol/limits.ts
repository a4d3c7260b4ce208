/**
 * The bounds of everything that a peer can make this layer hold or wait for. The application chooses the values and
 * adds them up; see there for the sums.
 */

export interface ProtocolLimits {
  /**
   * Connections at a time, over all portals. For one more, one that has not logged in is closed, the oldest from where
   * most of them come; when all have logged in, the new one is.
   */
  readonly connectionsMax: number
  /** Of these, connections that have not logged in; for one more, one of them is closed in the same way. */
  readonly pendingLoginsMax: number
  /**
   * Sessions at a time, discovery sessions and those included that have ended but still have a command in flight; one more
   * is refused at login.
   */
  readonly sessionsMax: number
  /**
   * Sessions without a connection that are kept for Time2Wait and Time2Retain; beyond it the oldest ends of the initiator
   * that has most of them.
   */
  readonly failedSessionsMax: number
  /**
   * Lost connections of a session whose state is kept for as long; beyond it the oldest is given up. How many connections
   * a session has is negotiated (MaxConnections).
   */
  readonly lostConnectionsMax: number
  /** Commands that a session may have outstanding: the width of its command window (MaxCmdSN - ExpCmdSN + 1). */
  readonly commandWindow: number
  /** Immediate commands that a connection may have outstanding; one more is rejected. */
  readonly immediateCommandsMax: number
  /** Task management requests that a session may have unanswered; one more is rejected. */
  readonly managementRequestsMax: number
  /** How long a connection may take from its first byte to full feature phase; before that, as long again for TLS. */
  readonly loginTimeoutMs: number
  /** Requests in one Login Phase. */
  readonly loginExchangesMax: number
  /** CHAP challenges that are remembered, to notice one that comes back from another connection. */
  readonly recentChallengesMax: number
  /** Bytes of text that one negotiation may add up to over several PDUs, in login and in full feature phase. */
  readonly textBytesMax: number
  /** Keys of one negotiation, each of which is remembered and answered. */
  readonly textKeysMax: number
  /** Bytes of additional header segments of one PDU. */
  readonly ahsBytesMax: number
  /**
   * Bytes of a connection that are read or queued for sending; beyond it no further Data-In is fetched, and beyond twice
   * as much nothing more is received.
   */
  readonly outboundBytesMax: number
  /**
   * Error recovery level 1 and higher: bytes of Data-In of a connection that are kept for sending again. Beyond it no
   * command is begun, and commands that are under way wait for the acknowledgement of what they have sent.
   */
  readonly retainedDataInBytesMax: number
  /** The same for statuses; a connection with more of them unacknowledged is dropped. */
  readonly retainedStatusBytesMax: number
  /** Bytes of a connection that are asked for by R2T or not yet written; beyond it no further R2T goes out. */
  readonly inboundBytesMax: number
  /** R2Ts of ended tasks whose tags are kept for data that still comes; beyond it the oldest are forgotten. */
  readonly transferTagsMax: number
  /** How long a reset waits for data that R2Ts of its tasks have asked for. */
  readonly abortDataOutTimeoutMs: number
  /**
   * How long an initiator may leave unacknowledged what somebody waits for: a status before a Response Fence, Data-In
   * whose acknowledgement was asked for.
   */
  readonly acknowledgementTimeoutMs: number
  /**
   * Error recovery level 1 and higher: a status that is unacknowledged for so long may have got lost, and the initiator is
   * told which StatSN comes next.
   */
  readonly statusReminderMs: number
  /** How long an initiator may take to deliver what an R2T asked for. */
  readonly dataOutTimeoutMs: number
  /** Error recovery level 1 and higher: after this silence data that is due is asked for again. */
  readonly sequenceTimeoutMs: number
  /** How often in a row data is asked for again without any of it coming; then the command fails. */
  readonly recoveryR2TsMax: number
  /** How long a logout waits for the tasks that it ends; then it has failed. */
  readonly logoutTimeoutMs: number
  /** How long initiators have to log out when the server stops; zero asks nobody. */
  readonly logoutRequestTimeoutMs: number
  /** A discovery session that asks for nothing for so long is ended. */
  readonly discoveryIdleMs: number
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
