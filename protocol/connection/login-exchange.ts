/**
 * The Login Phase on a connection (RFC 7143 6.3): passes Login Requests to the login machine, sends its replies, and
 * enters a session when the machine is done. The final response waits until a session or a connection that is reinstated
 * has come to rest.
 */

import type { Pdu } from '../framing/pdu-reader.ts'
import {
  createLoginMachine,
  type LoginAgreement,
  type LoginMachine,
  type LoginRefusal,
  type LoginReply,
  type LoginRequest,
} from '../login/login-machine.ts'
import { isRefusal, LOGIN_STATUS, loginStatusName } from '../login/login-status.ts'
import type { Timer } from '../node-context.ts'
import { OPCODE, OPCODE_MASK } from '../opcodes.ts'
import { RESPONSE } from '../pdu/bhs.ts'
import { currentStageOf, LOGIN_FLAG, LOGIN_REQUEST, writeLoginResponse } from '../pdu/login.ts'
import { serialAdd } from '../serial.ts'
import type { Session } from '../session/session.ts'
import type { SessionEntry } from '../session/session-entry.ts'
import type { Connection } from './connection.ts'

export class LoginExchange {
  readonly #connection: Connection
  readonly #machine: LoginMachine
  readonly #timer: Timer
  #request: LoginRequest | null = null
  /** Given when the machine asked for it, until full feature phase begins. */
  #entry: SessionEntry | null = null

  constructor(connection: Connection) {
    const { context, endpoint } = connection
    this.#connection = connection
    this.#machine = createLoginMachine({
      directory: context.directory,
      endpoint,
      preferences: context.preferences,
      randomBytes: context.randomBytes,
      recentChallenges: context.recentChallenges,
      admit: (agreement) => this.#admit(agreement),
    })
    this.#timer = connection.setTimer(context.limits.loginTimeoutMs, () =>
      connection.fail(`no full feature phase within ${context.limits.loginTimeoutMs} ms`),
    )
  }

  /** A PDU came. */
  handle(pdu: Pdu): void {
    if ((pdu.header[pdu.at]! & OPCODE_MASK) !== OPCODE.LOGIN_REQUEST) {
      this.#refuseOther(pdu)
      return
    }
    if (this.#connection.state === 'XPT_UP') this.#connection.loginStarted()
    this.#request = readLoginRequest(pdu)
    const reply = this.#machine.step(this.#request)
    if (reply.outcome === 'drop') {
      this.#logRefusal(reply.refusal)
      this.#connection.fail('the login ended without a response')
    } else if (reply.outcome === 'complete' && this.#entry !== null && reply.agreement !== undefined) {
      this.#complete(this.#entry, reply, reply.agreement)
    } else {
      this.#send(this.#request, reply)
      if (reply.outcome !== 'refused') return
      this.#logRefusal(reply.refusal)
      this.#connection.close()
    }
  }

  /** The connection ends before full feature phase, or enters it. */
  abandon(): void {
    this.#timer.cancel()
    this.#entry?.abandon()
    this.#entry = null
  }

  #admit(agreement: LoginAgreement): { readonly tsih: number } | LoginRefusal {
    const admitted = this.#connection.context.sessions.admit(this.#connection, agreement)
    if (isRefusal(admitted)) return admitted
    this.#entry = admitted
    return { tsih: admitted.session.tsih }
  }

  #complete(entry: SessionEntry, reply: LoginReply, agreement: LoginAgreement): void {
    const request = this.#request
    const connection = this.#connection
    const { session } = entry
    entry.establish(() => {
      if (!connection.isSending || request === null) return
      this.#timer.cancel()
      this.#entry = null
      connection.cid = agreement.identity.cid
      this.#send(request, reply, session)
      connection.enterFullFeaturePhase(session, agreement.connection)
      const { initiatorName, sessionType, target, chapUser } = agreement.identity
      const { remoteAddress } = connection.endpoint
      connection.log.info(
        {
          remoteAddress,
          initiator: initiatorName,
          sessionType,
          target: target?.name,
          chapUser,
          tsih: session.tsih,
          cid: connection.cid,
        },
        'an initiator logged in',
      )
    })
  }

  #send(request: LoginRequest, reply: LoginReply, session: Session | null = null): void {
    const { writer, context } = this.#connection
    const header = writer.takeHeader()
    writeLoginResponse(header, { ...reply, isid: request.isid, initiatorTaskTag: request.initiatorTaskTag })
    this.#connection.statuses.stampStatus(header)
    // The leading login's CmdSN is where the command window will begin; it has no session to ask yet. On a later
    // connection the window is the session's, and who has not proved to belong there learns nothing about it.
    const width = request.tsih === 0 ? context.limits.commandWindow : 0
    const expCmdSN = session?.window.expCmdSN ?? request.cmdSN
    const maxCmdSN = session?.window.maxCmdSN ?? serialAdd(request.cmdSN, width - 1)
    header.writeUInt32BE(expCmdSN, RESPONSE.expCmdSN)
    header.writeUInt32BE(maxCmdSN, RESPONSE.maxCmdSN)
    writer.pushPdu(reply.text.length > 0 ? reply.text : null)
    this.#connection.requestFlush()
  }

  /** Not a Login Request: before the login has begun there is nobody to answer (RFC 7143 4.2.4). */
  #refuseOther(pdu: Pdu): void {
    const request = this.#request
    if (request === null) {
      this.#connection.fail('the first PDU is not a Login Request')
      return
    }
    const { statusClass, statusDetail } = LOGIN_STATUS.invalidDuringLogin
    this.#logRefusal({ statusClass, statusDetail, reason: `opcode ${pdu.header[pdu.at]! & OPCODE_MASK} during login` })
    this.#send(request, {
      isTransit: false,
      isContinued: false,
      currentStage: request.currentStage,
      nextStage: 0,
      versionMax: 0,
      versionActive: 0,
      tsih: request.tsih,
      statusClass,
      statusDetail,
      text: Buffer.alloc(0),
      outcome: 'refused',
    })
    this.#connection.close()
  }

  #logRefusal(refusal: LoginRefusal | undefined): void {
    if (refusal === undefined) return
    const { remoteAddress } = this.#connection.endpoint
    const { statusClass, statusDetail, reason } = refusal
    const status = loginStatusName(statusClass, statusDetail)
    this.#connection.log.warn({ remoteAddress, status, reason }, 'refused a login')
    const claims = this.#machine.claims()
    this.#connection.context.observer?.loginRefused({ ...claims, remoteAddress, statusClass, statusDetail, reason })
  }
}

function readLoginRequest(pdu: Pdu): LoginRequest {
  const { header, at } = pdu
  const flags = header[at + LOGIN_REQUEST.flags]!
  return {
    isTransit: (flags & LOGIN_FLAG.transit) !== 0,
    isContinued: (flags & LOGIN_FLAG.continue) !== 0,
    currentStage: currentStageOf(flags),
    nextStage: flags & LOGIN_FLAG.nextStage,
    versionMax: header[at + LOGIN_REQUEST.versionMax]!,
    versionMin: header[at + LOGIN_REQUEST.versionMin]!,
    isid: Buffer.from(header.subarray(at + LOGIN_REQUEST.isid, at + LOGIN_REQUEST.isid + 6)),
    tsih: header.readUInt16BE(at + LOGIN_REQUEST.tsih),
    initiatorTaskTag: header.readUInt32BE(at + LOGIN_REQUEST.initiatorTaskTag),
    cid: header.readUInt16BE(at + LOGIN_REQUEST.cid),
    cmdSN: header.readUInt32BE(at + LOGIN_REQUEST.cmdSN),
    expStatSN: header.readUInt32BE(at + LOGIN_REQUEST.expStatSN),
    text: Buffer.concat(pdu.data),
  }
}
