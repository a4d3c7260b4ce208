/**
 * The tasks of one session of a simulated initiator: SCSI commands, task management, pings and renegotiation. Begins
 * them, answers what comes, recovers within commands (retry, Data SNACK, R-Data SNACK, DataACK, recovery R2Ts; RFC 7143
 * 7.1.4.1), and judges every answer: each command ends once, and with the data that the model has.
 */

import assert from 'node:assert/strict'
import { hasStatus } from '../wire-invariants.ts'
import { FINAL, FUNCTION, isSerialAfter, NO_TAG, OPCODE, type TargetPdu } from '../wire-pdu.ts'
import { encodeText } from '../wire-text.ts'
import { DataTransfer } from './data-transfer.ts'
import {
  coversTaskSet,
  describeExchange,
  disturbsOthers,
  type Exchange,
  endsSession,
  isQuery,
  LOGOUT,
  type LogoutExchange,
  type ManagementExchange,
} from './exchanges.ts'
import { isExpectedSense, SENSE_KEY } from './expected-sense.ts'
import type { InitiatorConnection } from './initiator-connection.ts'
import { COMMAND_KINDS, newCommand } from './new-command.ts'
import { PluggedRequests } from './plugged-requests.ts'
import { type CommandKind, type RetiredCommand, SimulatedCommand } from './simulated-command.ts'
import { keptMs, type SessionNumbers, type Surroundings, takeCmdSN } from './surroundings.ts'

const REJECT_DATA_DIGEST_ERROR = 0x02
/** How long a request may stay unacknowledged before it is sent again, or data may be missing before it is asked for again. */
const PATIENCE_MS = 3_000
const PROBE_AFTER_MS = 5_000

export class TaskRunner {
  readonly session: SessionNumbers
  readonly commands = new Map<number, SimulatedCommand>()
  readonly exchanges = new Map<number, Exchange>()
  /** A function that ends commands of others has been asked for, and may not have been carried out. */
  isDisturbing = false
  goodCount = 0
  #unitAttentionCount = 0
  /** So many unit attentions had come when somebody else last ended commands: one more is due. */
  #owedSince: number | null = null
  readonly #around: Surroundings
  readonly #firstLba: number
  readonly #blocks: number
  readonly #transfer: DataTransfer
  readonly #plugged: PluggedRequests
  readonly #retired = new Map<number, RetiredCommand>()
  readonly #loggedOut: (exchange: LogoutExchange, pdu: TargetPdu) => void
  #tag = 0x100

  /** `loggedOut` is told of Logout Responses. */
  constructor(
    around: Surroundings,
    session: SessionNumbers,
    range: { readonly firstLba: number; readonly blocks: number },
    loggedOut: (exchange: LogoutExchange, pdu: TargetPdu) => void,
  ) {
    this.#around = around
    this.session = session
    this.#firstLba = range.firstLba
    this.#blocks = range.blocks
    this.#loggedOut = loggedOut
    this.#transfer = new DataTransfer(around, session, (command) => this.#functionsOver(command))
    this.#plugged = new PluggedRequests(session, this.exchanges, (connection) => this.ping(connection, false))
  }

  /** A unit attention is due, which tells of commands that somebody else has ended. */
  get isOwedUnitAttention(): boolean {
    return this.#owedSince !== null && this.#owedSince >= this.#unitAttentionCount
  }

  get #nowMs(): number {
    return this.#around.node.clock.nowMs()
  }

  get #isStrict(): boolean {
    return this.session.errorRecoveryLevel === 0
  }

  /** A function is out that ends the session. */
  get #isEnding(): boolean {
    return [...this.exchanges.values()].some((other) => other.kind === 'management' && endsSession(other.function))
  }

  /** What is not answered yet, for messages. */
  get open(): readonly string[] {
    const exchanges = [...this.exchanges.values()].map(describeExchange)
    return [...[...this.commands.values()].map((command) => command.describe()), ...exchanges]
  }

  newTag(): number {
    return this.#tag++
  }

  /** Somebody else asks for what may end commands of this session without a response. */
  disturbed(): void {
    for (const command of this.commands.values()) this.#disturb(command)
  }

  /** Begin a command that the window has room for, if there is one and its blocks are free. */
  begin(connection: InitiatorConnection, kinds: readonly CommandKind[] = COMMAND_KINDS): void {
    const { random } = this.#around
    if (this.#isEnding || isSerialAfter(this.session.cmdSN, this.session.maxCmdSN)) return
    const kind = random.pick(kinds)
    const blocks = kind === 'other' ? 0 : Math.min(random.pick([1, 2, 8, 33, 90]), this.#blocks)
    const lba = this.#firstLba + random.integer(0, this.#blocks - blocks)
    const isFree = [...this.commands.values()].every(
      ({ identity: other }) => other.lba >= lba + blocks || other.lba + other.blocks <= lba,
    )
    if (!isFree) return
    const command = new SimulatedCommand(
      newCommand(this.#around, this.session, this.newTag(), kind, lba, blocks),
      connection,
    )
    if (this.#around.isDisturbed(this)) this.#disturb(command)
    // A function of our own that reaches beyond its CmdSN may end it too (RFC 7143 11.5.1).
    if (this.isDisturbing) command.endanger()
    if (this.isOwedUnitAttention) command.begunOwedSince = this.#owedSince
    this.commands.set(command.identity.tag, command)
    this.transmit(command, connection)
  }

  /** Send a command, for the first time or as a retry (RFC 7143 7.2.1), with the data that goes with it unasked. */
  transmit(command: SimulatedCommand, connection: InitiatorConnection): void {
    const { request, immediateBytes, unsolicitedEndBytes } = command.identity
    command.started(connection, this.#nowMs)
    if (connection.send(request, this.#nowMs) !== 'arrives') command.hadRecovery = true
    if (unsolicitedEndBytes > immediateBytes)
      this.#transfer.sendDataOut(command, NO_TAG, immediateBytes, unsolicitedEndBytes)
  }

  /** Ask whether the target lives; `isNumbered`: with a CmdSN of its own. Gives the tag of what was sent. */
  ping(connection: InitiatorConnection, isNumbered: boolean): number | null {
    const tag = this.newTag()
    const data = Buffer.alloc(this.#around.random.integer(0, 30), tag)
    const cmdSN = isNumbered ? takeCmdSN(this.session) : null
    if (isNumbered && cmdSN === null) return null
    const words = { 20: NO_TAG, 24: cmdSN ?? this.session.cmdSN }
    const request = { opcode: OPCODE.NOP_OUT, immediate: cmdSN === null, itt: tag, words, data }
    this.#exchange({ kind: 'ping', tag, connection, cmdSN, request, data })
    return tag
  }

  /** Declare another MaxRecvDataSegmentLength (RFC 7143 13.12). */
  renegotiate(connection: InitiatorConnection): void {
    const isAsking = [...this.commands.values()].some((other) => other.connection === connection && other.askedPlainly)
    const isNegotiating = [...this.exchanges.values()].some(({ kind }) => kind === 'text')
    if (isAsking || isNegotiating) return
    const tag = this.newTag()
    connection.formerSegmentLength = Math.max(connection.maxRecvDataSegmentLength, connection.formerSegmentLength)
    connection.maxRecvDataSegmentLength = this.#around.random.pick([512, 1001, 4096])
    connection.segmentEpoch++
    const data = encodeText({ MaxRecvDataSegmentLength: String(connection.maxRecvDataSegmentLength) })
    const words = { 20: NO_TAG, 24: this.session.cmdSN }
    const request = { opcode: OPCODE.TEXT_REQUEST, immediate: true, byte1: FINAL, itt: tag, words, data }
    this.#exchange({ kind: 'text', tag, connection, cmdSN: null, request })
  }

  /** A Logout Request for `cid` is out. */
  isLoggingOut(cid: number): boolean {
    return [...this.exchanges.values()].some((exchange) => exchange.kind === 'logout' && exchange.closing.cid === cid)
  }

  /** Send a Logout Request for `closing` on `connection`. */
  logout(connection: InitiatorConnection, closing: InitiatorConnection, reason: number): void {
    const tag = this.newTag()
    const words = { 20: closing.cid * 0x10000, 24: this.session.cmdSN }
    const request = { opcode: OPCODE.LOGOUT_REQUEST, immediate: true, byte1: FINAL | reason, itt: tag, words }
    this.#exchange({ kind: 'logout', tag, connection, cmdSN: null, request, reason, closing })
  }

  /** ABORT TASK, on the connection that the command is allegiant to. */
  abort(command: SimulatedCommand, connection = command.connection): void {
    if (command.isBeingAborted || connection.phase !== 'up') return
    command.isBeingAborted = true
    const { tag, cmdSN } = command.identity
    this.#manage(connection, FUNCTION.ABORT_TASK, [command], { 20: tag, 32: cmdSN })
  }

  /** A function over the logical unit or the target, or a query. */
  manage(connection: InitiatorConnection, functionCode: number): void {
    const isOut = [...this.exchanges.values()].some((other) => other.kind === 'management' && !isQuery(other.function))
    if (isOut && !isQuery(functionCode)) return
    const coversAll = coversTaskSet(functionCode) || endsSession(functionCode)
    const covered = coversAll ? [...this.commands.values()] : []
    const isQueryTask = functionCode === FUNCTION.QUERY_TASK
    const referenced = [...this.commands.values()].find((other) => isQueryTask && other.connection === connection)
    if (isQueryTask && referenced === undefined) return
    for (const command of covered) command.cover()
    if (disturbsOthers(functionCode)) {
      this.isDisturbing = true
      this.#around.disturbOthers(this)
    }
    const words = { 20: referenced?.identity.tag ?? NO_TAG, 32: referenced?.identity.cmdSN ?? 0 }
    this.#manage(connection, functionCode, referenced === undefined ? covered : [referenced], words)
  }

  /** TASK REASSIGN (RFC 7143 7.2.2). */
  reassign(command: SimulatedCommand, connection: InitiatorConnection): void {
    this.#noteLoss(command)
    const expDataSN = command.reassigned(connection, this.#around.random.chance(0.7))
    this.#manage(connection, FUNCTION.TASK_REASSIGN, [command], { 20: command.identity.tag, 36: expDataSN })
  }

  /** ABORT TASK for a command whose connection is gone, on another one (RFC 7143 11.5.1). */
  abortElsewhere(command: SimulatedCommand, connection: InitiatorConnection): void {
    this.#noteLoss(command)
    command.reassigned(connection, false)
    command.isAbandoned = true
    this.#around.count('lost task aborted')
    this.abort(command, connection)
  }

  /** The command has ended without a response, or is not followed any more. */
  giveUp(command: SimulatedCommand, endedOn: InitiatorConnection | null = null): void {
    const { tag, write, lba, blocks } = command.identity
    if (!this.commands.delete(tag)) return
    this.#retired.set(tag, { command, endedOn, isAborted: true })
    if (write > 0) this.#around.model.mayHaveHappened(write, lba, blocks)
  }

  /** Nothing more comes on this connection: its commands wait, its other requests are forgotten or sent again. */
  connectionGone(connection: InitiatorConnection): void {
    // A unit attention may have gone with it.
    this.#owedSince = null
    for (const command of this.commands.values()) {
      command.disturbedAt = null
      if (command.connection === connection) command.isInLimbo = true
    }
    for (const exchange of [...this.exchanges.values()]) {
      if (exchange.kind === 'logout' && exchange.reason !== LOGOUT.REMOVE_FOR_RECOVERY) this.#closing(exchange)
      if (exchange.connection !== connection) continue
      if (exchange.kind === 'management' && exchange.function !== FUNCTION.TASK_REASSIGN) {
        for (const command of exchange.covered) command.endanger()
        for (const command of exchange.covered) command.isBeingAborted = false
      }
      if (exchange.cmdSN === null) this.exchanges.delete(exchange.tag)
      // Nobody knows whether the other connection is being logged out: it is used until it ends.
      if (exchange.kind === 'logout' && exchange.closing.phase === 'logout') exchange.closing.phase = 'up'
    }
  }

  /** A logout that ends the tasks of a connection is out, and may or may not be carried out. */
  #closing({ closing }: LogoutExchange): void {
    for (const command of this.commands.values()) if (command.connection.cid === closing.cid) command.endanger()
  }

  /** Send numbered requests that were lost with `lost` on another connection; those that were received end here. */
  resendExchanges(lost: InitiatorConnection, connection: InitiatorConnection): void {
    for (const exchange of [...this.exchanges.values()]) {
      if (exchange.connection !== lost || exchange.cmdSN === null) continue
      this.exchanges.delete(exchange.tag)
      if (isSerialAfter(this.session.expCmdSN, exchange.cmdSN)) continue
      this.#exchange({ ...exchange, connection })
    }
  }

  /** A PDU without StatSN. */
  unnumberedArrived(connection: InitiatorConnection, pdu: TargetPdu): void {
    if (pdu.opcode === OPCODE.NOP_IN) {
      if (pdu.ttt !== NO_TAG) connection.ping(this.#nowMs, pdu.ttt, Buffer.from(pdu.header.subarray(8, 16)))
      return
    }
    const command = this.commands.get(pdu.itt)
    if (command === undefined) {
      this.#checkLate(connection, pdu)
      return
    }
    assert.equal(command.connection, connection, `allegiance: ${pdu.describe()} of ${command.describe()}`)
    if (pdu.opcode === OPCODE.R2T) this.#transfer.r2tArrived(command, pdu)
    else this.#transfer.dataInArrived(command, pdu)
  }

  /** Whether a status may be taken now: see `ConnectionOwner`. */
  judge(pdu: TargetPdu): 'take' | 'wait' | 'discard' {
    if (pdu.opcode !== OPCODE.SCSI_RESPONSE && pdu.opcode !== OPCODE.DATA_IN) return 'take'
    const command = this.commands.get(pdu.itt)
    return command === undefined || this.#isStrict ? 'take' : this.#transfer.judge(command, pdu)
  }

  statusArrived(connection: InitiatorConnection, pdu: TargetPdu): void {
    if (pdu.opcode === OPCODE.REJECT) this.#rejected(connection, pdu)
    else if (pdu.opcode === OPCODE.SCSI_RESPONSE || pdu.opcode === OPCODE.DATA_IN) this.#commandEnded(connection, pdu)
    else this.#exchangeEnded(pdu)
  }

  /** Time has passed: send again what got lost, ask what became of commands that may have ended. */
  tick(): void {
    const nowMs = this.#nowMs
    this.#plugged.tick()
    for (const command of [...this.commands.values()]) {
      const { connection } = command
      if (command.isInLimbo || connection.phase !== 'up') continue
      const isDue = command.identity.cmdSN === this.session.expCmdSN && !command.isBeingAborted
      const isLost = command.isRefused || (!this.#isStrict && nowMs - command.sentMs >= PATIENCE_MS)
      if (isDue && isLost) {
        this.#around.count('command retried')
        command.hadRecovery = true
        command.isRetriedBlindly = !command.isRefused
        this.transmit(command, connection)
      }
      this.#transfer.askForData(command, 0)
      if (command.mayBeLost && nowMs - command.sentMs >= PROBE_AFTER_MS) this.abort(command)
    }
  }

  #noteLoss(command: SimulatedCommand): void {
    const { link, cleanedMs } = command.connection
    const endedMs = link.targetEndedMs ?? cleanedMs ?? this.#nowMs
    command.lostSinceMs = Math.min(command.lostSinceMs ?? endedMs, endedMs)
  }

  #disturb(command: SimulatedCommand): void {
    if (!command.mayBeLost && !command.isCovered) command.disturbedAt = this.#unitAttentionCount
    command.mayBeLost = true
  }

  #exchange(exchange: Exchange): void {
    this.exchanges.set(exchange.tag, exchange)
    exchange.connection.send(exchange.request, this.#nowMs)
  }

  #manage(
    connection: InitiatorConnection,
    functionCode: number,
    covered: readonly SimulatedCommand[],
    fields: Readonly<Record<number, number>>,
  ): void {
    const tag = this.newTag()
    const isNumbered = coversTaskSet(functionCode) && this.#around.random.chance(0.2)
    const cmdSN = isNumbered ? takeCmdSN(this.session) : null
    const words = { ...fields, 24: cmdSN ?? this.session.cmdSN }
    const byte1 = FINAL | functionCode
    const request = { opcode: OPCODE.TASK_MANAGEMENT_REQUEST, immediate: cmdSN === null, byte1, itt: tag, words }
    this.#around.count(`function ${functionCode}`)
    this.#plugged.asked(functionCode)
    this.#exchange({ kind: 'management', tag, connection, cmdSN, request, function: functionCode, covered })
  }

  /** What functions that are out cover this command. */
  #functionsOver(command: SimulatedCommand): readonly ManagementExchange[] {
    return [...this.exchanges.values()].filter((other): other is ManagementExchange => {
      return other.kind === 'management' && other.covered.includes(command)
    })
  }

  /** A PDU of a command that has ended: only what overtook nothing may still come. */
  #checkLate(connection: InitiatorConnection, pdu: TargetPdu): void {
    const retired = this.#retired.get(pdu.itt)
    assert.ok(retired !== undefined, `a PDU of a command that is none: ${pdu.describe()}`)
    const isOvertaken = retired.endedOn !== null && retired.endedOn !== connection
    const isCopy = retired.command.hadRecovery && !this.#isStrict
    assert.ok(isOvertaken || isCopy, `a PDU of a command that has ended: ${pdu.describe()}`)
  }

  #commandEnded(connection: InitiatorConnection, pdu: TargetPdu): void {
    const command = this.commands.get(pdu.itt)
    if (command === undefined && this.#mayStillAnswer(connection, pdu.itt)) return
    assert.ok(command !== undefined, `a second answer: ${pdu.describe()}`)
    assert.equal(command.connection, connection, `allegiance: ${pdu.describe()}`)
    if (pdu.opcode === OPCODE.DATA_IN && this.#isStrict) this.#transfer.dataInArrived(command, pdu)
    if (command.isAbandoned) {
      if (pdu.byte(3) !== 0) this.#checkSense(command, pdu)
      this.giveUp(command, connection)
      return
    }
    const { tag, kind, write, lba, blocks } = command.identity
    this.commands.delete(tag)
    this.#retired.set(tag, { command, endedOn: connection, isAborted: false })
    assert.ok(command.isAcknowledgedBy(pdu.expCmdSN), `answered before its CmdSN came: ${pdu.describe()}`)
    if (pdu.byte(3) !== 0) {
      this.#checkSense(command, pdu)
      if (write > 0) this.#around.model.mayHaveHappened(write, lba, blocks)
      return
    }
    const wasTold = !this.isOwedUnitAttention || command.begunOwedSince !== this.#owedSince || this.commands.size > 0
    assert.ok(wasTold, `no unit attention for commands that somebody else has ended: ${command.describe()}`)
    assert.equal(pdu.byte(1) & 0x06, 0, `a residual: ${pdu.describe()}`)
    this.goodCount++
    if (command.hadRecovery) this.#around.count('command recovered')
    if (write > 0) this.#around.model.succeeded(write, lba, blocks)
    if (kind !== 'read') return
    if (!hasStatus(pdu)) assert.equal(pdu.word(36), command.nextDataSN, `ExpDataSN: ${pdu.describe()}`)
    assert.equal(command.nextOffset, command.dataIn.length, `all of the data came: ${command.describe()}`)
    this.#around.model.check(command.dataIn, lba)
  }

  /**
   * A function has ended the command, but the fence cannot have waited for its answer: a connection that is being logged
   * out acknowledges nothing, and a reassigned command is an exception (RFC 7143 11.5.1).
   */
  #mayStillAnswer(connection: InitiatorConnection, tag: number): boolean {
    const retired = this.#retired.get(tag)
    if (retired === undefined || !retired.isAborted) return false
    return connection.phase === 'logout' || retired.command.wasReassigned
  }

  #checkSense(command: SimulatedCommand, pdu: TargetPdu): void {
    assert.equal(pdu.byte(3), 2, `status: ${pdu.describe()}`)
    const key = pdu.data[4]! & 0xf
    const silenceMs = this.#nowMs - command.sentMs
    const isExpected = isExpectedSense(command, pdu, this.#isStrict, this.#around.isFaulty, silenceMs)
    assert.ok(isExpected, `sense ${pdu.data.toString('hex')} of ${command.describe()}`)
    if (key === SENSE_KEY.UNIT_ATTENTION) this.#unitAttentionCount++
    this.#around.count(`sense key ${key}`)
  }

  #exchangeEnded(pdu: TargetPdu): void {
    const exchange = this.exchanges.get(pdu.itt)
    assert.ok(exchange !== undefined, `the answer to a request of ours: ${pdu.describe()}`)
    this.exchanges.delete(pdu.itt)
    if (pdu.opcode === OPCODE.NOP_IN) {
      assert.ok(exchange.kind === 'ping' && exchange.data.equals(pdu.data), `the answer to a ping: ${pdu.describe()}`)
      if (this.#plugged.answered(pdu.itt)) this.#around.count('ping plugged')
    } else if (pdu.opcode === OPCODE.TASK_MANAGEMENT_RESPONSE) {
      assert.equal(exchange.kind, 'management', pdu.describe())
      this.#managed(exchange as ManagementExchange, pdu.byte(2))
    } else if (pdu.opcode === OPCODE.TEXT_RESPONSE) {
      assert.equal(exchange.kind, 'text', pdu.describe())
      exchange.connection.formerSegmentLength = exchange.connection.maxRecvDataSegmentLength
    } else {
      assert.equal(pdu.opcode, OPCODE.LOGOUT_RESPONSE, pdu.describe())
      assert.equal(exchange.kind, 'logout', pdu.describe())
      this.#loggedOut(exchange as LogoutExchange, pdu)
    }
  }

  #managed(exchange: ManagementExchange, response: number): void {
    const { function: functionCode, covered, connection } = exchange
    const context = `response ${response} to function ${functionCode} over ${covered.map((command) => command.describe())}`
    if (isQuery(functionCode)) {
      assert.ok([0, 7].includes(response), context)
      // What the target has not seen counts as received now (RFC 7144 6.3.3), and never comes to be executed.
      if (response === 0) for (const command of covered) command.endanger()
    } else if (functionCode === FUNCTION.TASK_REASSIGN) this.#reassignEnded(covered[0]!, response, context)
    else if (functionCode === FUNCTION.ABORT_TASK) {
      const command = covered[0]!
      command.isBeingAborted = false
      const isLost = response === 1 && this.commands.has(command.identity.tag)
      assert.ok(response === 0 || (response === 1 && this.#mayHaveEnded(command)), context)
      if (isLost && (command.disturbedAt ?? -1) > (this.#owedSince ?? -1)) this.#owedSince = command.disturbedAt
      this.giveUp(command, connection)
    } else {
      assert.equal(response, 0, context)
      for (const command of covered) {
        // What is being reassigned may still be answered (RFC 7143 11.5.1).
        if (this.#functionsOver(command).some((other) => other.function === FUNCTION.TASK_REASSIGN)) command.endanger()
        else this.giveUp(command, connection)
      }
      // Those that were begun meanwhile may have ended as well (RFC 7143 11.5.1), unless it was their own task set alone.
      if (functionCode !== FUNCTION.ABORT_TASK_SET) for (const other of this.commands.values()) other.endanger()
      if (disturbsOthers(functionCode)) {
        this.#around.disturbOthers(this)
        this.isDisturbing = false
      }
    }
  }

  #reassignEnded(command: SimulatedCommand, response: number, context: string): void {
    if (response === 0) {
      this.#around.count('task reassigned')
      command.lostSinceMs = null
      return
    }
    assert.ok(response === 1 && this.#mayHaveEnded(command), context)
    this.giveUp(command)
  }

  /** There are reasons for which the target does not know the command any more. */
  #mayHaveEnded(command: SimulatedCommand): boolean {
    const hasTimedOut = command.lostSinceMs !== null && this.#nowMs - command.lostSinceMs >= keptMs(this.session)
    return command.mayBeLost || command.isCovered || hasTimedOut || !this.commands.has(command.identity.tag)
  }

  #rejected(connection: InitiatorConnection, pdu: TargetPdu): void {
    const [reason, opcode, tag] = [pdu.byte(2), pdu.data[0]! & 0x3f, pdu.data.readUInt32BE(16)]
    this.#around.count(`Reject ${reason} of opcode ${opcode}`)
    const command = this.commands.get(tag)
    if (opcode === OPCODE.SNACK) {
      const isPast = command === undefined || command.mayBeLost || command.isBeingAborted || command.r2tSN > 0
      assert.ok(
        isPast || this.#functionsOver(command).length > 0,
        `rejected ${pdu.describe()} ${pdu.data.toString('hex')}`,
      )
      return
    }
    assert.equal(reason, REJECT_DATA_DIGEST_ERROR, `rejected ${pdu.describe()} ${pdu.data.toString('hex')}`)
    if (opcode === OPCODE.SCSI_COMMAND && command !== undefined) command.isRefused = true
    const exchange = this.exchanges.get(tag)
    if (exchange === undefined) return
    this.exchanges.delete(tag)
    // A numbered request left a gap; an immediate one did nothing.
    if (exchange.cmdSN !== null) this.#exchange(exchange)
    else if (exchange.kind === 'text') this.renegotiate(connection)
  }
}
