/**
 * Full feature phase of a connection (RFC 7143 4.2.5): every PDU goes to the handler of its opcode, non-immediate requests
 * in CmdSN order. SCSI commands keep their own order (their tasks exist from arrival on); everything else that comes too
 * early is kept as a copy until its turn.
 */

import { REJECT_REASON } from '../errors.ts'
import { Pdu } from '../framing/pdu-reader.ts'
import { IMMEDIATE_BIT, OPCODE, OPCODE_MASK, OPCODE_ROWS, type OpcodeRow } from '../opcodes.ts'
import { REQUEST } from '../pdu/bhs.ts'
import { BHS_BYTES } from '../pdu/layout.ts'
import { findManagementRejection, handleTaskManagementRequest } from '../task-management/task-management.ts'
import type { Connection } from './connection.ts'
import { handleDataOut } from './data-out.ts'
import { DiscoveryIdleTimer } from './discovery-idle-timer.ts'
import { Keepalive } from './keepalive.ts'
import { handleLogoutRequest } from './logout.ts'
import { rejectPdu } from './reject.ts'
import { handleScsiCommand } from './scsi-command.ts'
import { handleSnackRequest } from './snack.ts'
import { TextExchange } from './text-exchange.ts'

/** Runs a request whose turn has come. */
type Handler = (phase: FullFeaturePhase, pdu: Pdu) => void

const manageTasks: Handler = ({ connection }, pdu) => handleTaskManagementRequest(connection, pdu)

const HANDLERS: Partial<Record<number, Handler>> = {
  [OPCODE.NOP_OUT]: (phase, pdu) => phase.keepalive.handleNopOut(pdu),
  [OPCODE.TASK_MANAGEMENT_REQUEST]: manageTasks,
  [OPCODE.TEXT_REQUEST]: (phase, pdu) => phase.text.handleTextRequest(pdu),
  [OPCODE.LOGOUT_REQUEST]: (phase, pdu) => handleLogoutRequest(phase.connection, pdu),
}

/** What a discovery session may send (RFC 7143 4.3); pings are answered, since initiators in the field send them. */
const ALLOWED_IN_DISCOVERY: readonly number[] = [OPCODE.NOP_OUT, OPCODE.TEXT_REQUEST, OPCODE.LOGOUT_REQUEST]

export class FullFeaturePhase {
  readonly connection: Connection
  readonly keepalive: Keepalive
  readonly text: TextExchange
  readonly #discoveryIdleTimer: DiscoveryIdleTimer | null

  constructor(connection: Connection) {
    this.connection = connection
    this.keepalive = new Keepalive(connection)
    this.text = new TextExchange(connection)
    this.#discoveryIdleTimer = connection.session.isDiscovery ? new DiscoveryIdleTimer(connection) : null
  }

  /** The connection has ended. */
  stop(): void {
    this.keepalive.stop()
    this.#discoveryIdleTimer?.stop()
  }

  /** A PDU came. */
  handle(pdu: Pdu): void {
    const { connection } = this
    const opcode = pdu.header[pdu.at]! & OPCODE_MASK
    const row = OPCODE_ROWS[opcode]
    connection.statuses.acknowledged(pdu.header.readUInt32BE(pdu.at + REQUEST.expStatSN))
    // A response that waited for this may have ended the session.
    if (!connection.isSending) return
    if (row === undefined || row.sentBy === 'target') {
      rejectPdu(connection, pdu, REJECT_REASON.COMMAND_NOT_SUPPORTED)
    } else if (!isWellFormed(row, pdu)) {
      connection.formatError(`a ${row.name} PDU with a data segment or additional headers that it cannot have`)
    } else if (connection.session.isDiscovery && !ALLOWED_IN_DISCOVERY.includes(opcode)) {
      rejectPdu(connection, pdu, REJECT_REASON.PROTOCOL_ERROR)
    } else if (opcode === OPCODE.SCSI_COMMAND) {
      if (connection.session.queue.isDraining) this.#handleNumbered(rejectWaitingForLogout, pdu)
      else handleScsiCommand(connection, pdu)
    } else if (opcode === OPCODE.DATA_OUT) {
      handleDataOut(connection, pdu)
    } else if (opcode === OPCODE.SNACK_REQUEST) {
      handleSnackRequest(connection, pdu)
    } else if (opcode === OPCODE.LOGIN_REQUEST) {
      rejectPdu(connection, pdu, REJECT_REASON.PROTOCOL_ERROR)
    } else if (pdu.hasDataDigestError) {
      rejectPdu(connection, pdu, REJECT_REASON.DATA_DIGEST_ERROR)
    } else {
      this.#handleNumbered(HANDLERS[opcode]!, pdu)
    }
  }

  #handleNumbered(handler: Handler, pdu: Pdu): void {
    const { connection } = this
    const { window } = connection.session
    const isImmediate = (pdu.header[pdu.at]! & IMMEDIATE_BIT) !== 0
    if (isImmediate) {
      handler(this, pdu)
      return
    }
    const cmdSN = pdu.header.readUInt32BE(pdu.at + REQUEST.cmdSN)
    const isNew = window.contains(cmdSN) && !window.isHolding(cmdSN)
    const rejection = isNew && handler === manageTasks ? findManagementRejection(connection, pdu) : null
    if (rejection !== null) {
      rejectPdu(connection, pdu, rejection)
      return
    }
    const admission = window.admit(cmdSN)
    if (admission === 'ignore') return
    if (admission === 'hold') {
      const copy = copyOf(pdu)
      window.hold(cmdSN, connection, () => this.#deliver(handler, copy))
      return
    }
    this.#deliver(handler, pdu)
    window.deliverHeld()
  }

  /** These requests are answered from what is at hand, so that their place in the window is free at once. */
  #deliver(handler: Handler, pdu: Pdu): void {
    this.connection.session.window.release()
    if (this.connection.isSending) handler(this, pdu)
  }
}

/** A command that is not to be sent again (RFC 7143 11.17.1): it has used its CmdSN, so that a logout behind it comes due. */
const rejectWaitingForLogout: Handler = ({ connection }, pdu) =>
  rejectPdu(connection, pdu, REJECT_REASON.WAITING_FOR_LOGOUT)

function isWellFormed(row: OpcodeRow, pdu: Pdu): boolean {
  return (row.mayCarryData || pdu.dataBytes === 0) && (row.mayCarryAhs || pdu.ahs.length === 0)
}

/** The memory of a PDU is used again when it has been received. */
function copyOf(pdu: Pdu): Pdu {
  const copy = new Pdu()
  copy.header = Buffer.from(pdu.header.subarray(pdu.at, pdu.at + BHS_BYTES))
  copy.data = pdu.dataBytes === 0 ? pdu.data : [Buffer.concat(pdu.data)]
  copy.dataBytes = pdu.dataBytes
  return copy
}
