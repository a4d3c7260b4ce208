/**
 * An initiator of a simulation: one I_T nexus with a session of one to four connections. Logs in, adds connections,
 * leaves them, and recovers what breaks as RFC 7143 chapter 7 has it: explicit logout of a lost connection or its
 * reinstatement, then retry of what was not acknowledged and TASK REASSIGN of what was (level 2); continuation of a
 * session without connections; a new session as the last resort.
 */

import assert from 'node:assert/strict'
import { TARGET_NAME } from '../connection-harness.ts'
import { FINAL, isSerialAfter, OPCODE, type TargetPdu } from '../wire-pdu.ts'
import { decodeText, encodeText } from '../wire-text.ts'
import { ASYNC, anyFunction, LOGGED_OUT, LOGOUT, type LogoutExchange } from './exchanges.ts'
import { type ConnectionOwner, InitiatorConnection } from './initiator-connection.ts'
import { SimulatedLink } from './link.ts'
import { connectionKeys, type Habits, sessionKeys } from './login-keys.ts'
import { agreed, type SessionNumbers, type Surroundings } from './surroundings.ts'
import { TaskRunner } from './task-runner.ts'

const STRAIGHT_TO_FULL_FEATURE = 0x07
const ISID_QUALIFIER = 1
const LOGIN_PATIENCE_MS = 20_000
const RETRY_AFTER_MS = 1_000
const SESSION_DOES_NOT_EXIST = 0x020a
/** A connection that broke, until the target has been told that it is not coming back. */
interface LostConnection {
  readonly connection: InitiatorConnection
  /** Not before Time2Wait (RFC 7143 7.5). */
  recoverAtMs: number
  /** A logout or a login for it is under way. */
  isBeingRecovered: boolean
}

/** Why a connection logs in: to begin a session, to be one more, or in the place of a lost one. */
interface Login {
  readonly connection: InitiatorConnection
  readonly offered: Readonly<Record<string, string>>
  readonly tsih: number
  readonly beganMs: number
}

export class RecoveringInitiator implements ConnectionOwner {
  /** Of all its sessions. */
  goodCount = 0
  readonly #around: Surroundings
  readonly #name: string
  readonly #range: { readonly firstLba: number; readonly blocks: number }
  readonly #habits: Habits
  readonly #connections = new Map<number, InitiatorConnection>()
  readonly #lost = new Map<number, LostConnection>()
  readonly #logins = new Map<number, Login>()
  #runner: TaskRunner | null = null

  constructor(around: Surroundings, name: string, firstLba: number, blocks: number, habits: Habits) {
    this.#around = around
    this.#name = name
    this.#range = { firstLba, blocks }
    this.#habits = habits
  }

  get isDisturbing(): boolean {
    return this.#runner?.isDisturbing ?? false
  }

  get runner(): TaskRunner | null {
    return this.#runner
  }

  get hasTraffic(): boolean {
    return [...this.#connections.values()].some(({ link }) => link.hasTraffic)
  }

  /** A session is there, all of it works, and nothing is asked that is not answered. */
  get isQuiet(): boolean {
    if (this.#runner === null || this.#lost.size + this.#logins.size > 0 || this.#up.length === 0) return false
    const { commands, exchanges, isOwedUnitAttention } = this.#runner
    if (isOwedUnitAttention) return false
    return commands.size + exchanges.size === 0 && this.#up.every(({ hasGap }) => !hasGap)
  }

  /** What is not as it should be at the end, for messages. */
  get open(): readonly string[] {
    const connections = [...this.#connections.values()].map((connection) => connection.describe())
    const lost = [...this.#lost.values()].map(({ connection }) => `lost: ${connection.describe()}`)
    const { session } = this.#runner ?? { session: null }
    const numbers =
      session === null ? 'no session' : `CmdSN ${session.cmdSN} Exp ${session.expCmdSN} Max ${session.maxCmdSN}`
    return [numbers, ...(this.#runner?.open ?? []), ...connections, ...lost]
  }

  get #nowMs(): number {
    return this.#around.node.clock.nowMs()
  }

  get #up(): readonly InitiatorConnection[] {
    return [...this.#connections.values()].filter(({ phase }) => phase === 'up')
  }

  /** Something of what is on its way moves, in one direction of one connection. */
  move(): void {
    const { random } = this.#around
    const connections = [...this.#connections.values()]
    if (connections.length === 0) return
    const connection = random.pick(connections)
    if (random.chance(0.5)) connection.link.moveToTarget()
    else connection.receive()
    if (connection.link.isAtEnd) this.#broken(connection)
  }

  /** Begin a command. */
  begin(): void {
    const connection = this.#anyUp()
    if (connection !== null) this.#runner!.begin(connection)
  }

  /** Something less common than a command. */
  actRarely(): void {
    const connection = this.#anyUp()
    const runner = this.#runner
    if (connection === null || runner === null) return
    const { random } = this.#around
    const dice = random.next()
    const commands = [...runner.commands.values()].filter(({ isInLimbo }) => !isInLimbo)
    if (dice < 0.25) runner.ping(connection, random.chance(0.5))
    else if (dice < 0.4 && commands.length > 0) runner.abort(random.pick(commands))
    else if (dice < 0.5) runner.manage(connection, anyFunction(random, agreed(runner.session, 'iSCSIProtocolLevel')))
    else if (dice < 0.55) runner.renegotiate(connection)
    else if (dice < 0.75) this.#addConnection()
    else if (dice < 0.85) this.#logOut(connection)
    else if (dice < 0.86) this.#restart('by whim')
  }

  /** The network fails on one connection: for both sides, or for one before the other. */
  breakSomething(): void {
    const { random } = this.#around
    const connections = [...this.#connections.values()]
    if (connections.length === 0) return
    const connection = random.pick(connections)
    this.#around.count('connection broken')
    if (random.chance(0.4)) connection.link.breakAtTarget()
    else this.#broken(connection, random.chance(0.5))
  }

  /** Recover what is lost, and notice what time has brought. */
  tick(): void {
    for (const connection of [...this.#connections.values()]) {
      if (connection.link.isAtEnd) this.#broken(connection)
      else connection.tick(this.#nowMs)
    }
    for (const { connection, beganMs } of [...this.#logins.values()]) {
      if (this.#nowMs - beganMs >= LOGIN_PATIENCE_MS) this.#broken(connection)
    }
    this.#runner?.tick()
    const idle = this.#anyUp()
    if (idle !== null && this.#runner?.isOwedUnitAttention && this.#runner.commands.size === 0) {
      this.#runner.begin(idle, ['other'])
    }
    if (this.#runner === null && this.#logins.size === 0) this.#logIn(0)
    else this.#recover()
  }

  /** Everything is left for good. */
  leave(): void {
    for (const connection of [...this.#connections.values()]) this.#drop(connection, false)
    this.#forgetSession()
  }

  disturbed(): void {
    this.#runner?.disturbed()
  }

  unnumberedArrived(connection: InitiatorConnection, pdu: TargetPdu): void {
    this.#runner?.unnumberedArrived(connection, pdu)
  }

  judge(_connection: InitiatorConnection, pdu: TargetPdu): 'take' | 'wait' | 'discard' {
    return this.#runner?.judge(pdu) ?? 'take'
  }

  statusArrived(connection: InitiatorConnection, pdu: TargetPdu): void {
    if (pdu.opcode === OPCODE.LOGIN_RESPONSE) this.#loginAnswered(connection, pdu)
    else if (pdu.opcode === OPCODE.ASYNC) this.#told(connection, pdu)
    else this.#runner?.statusArrived(connection, pdu)
  }

  windowSeen(expCmdSN: number, maxCmdSN: number): void {
    const session = this.#runner?.session
    if (session === undefined) return
    if (isSerialAfter(expCmdSN, session.expCmdSN)) session.expCmdSN = expCmdSN
    if (isSerialAfter(maxCmdSN, session.maxCmdSN)) session.maxCmdSN = maxCmdSN
    assert.ok(!isSerialAfter(session.expCmdSN, session.cmdSN), 'ExpCmdSN beyond what was sent')
  }

  #anyUp(): InitiatorConnection | null {
    return this.#runner === null || this.#up.length === 0 ? null : this.#around.random.pick(this.#up)
  }

  #addConnection(): void {
    const session = this.#runner?.session
    if (session === undefined || this.#logins.size > 0) return
    const max = Math.min(this.#habits.connectionsMax, agreed(session, 'MaxConnections'))
    if (this.#connections.size + this.#lost.size >= max) return
    const cid = [0, 1, 2, 3, 4, 5].find((free) => !this.#connections.has(free) && !this.#lost.has(free))
    if (cid !== undefined) this.#logIn(cid)
  }

  /** An orderly end of one of the connections or of all of them. */
  #logOut(connection: InitiatorConnection): void {
    const { random } = this.#around
    const session = this.#runner!.session
    const others = this.#up.filter((other) => other !== connection)
    const reasons = [
      LOGOUT.CLOSE_CONNECTION,
      LOGOUT.CLOSE_CONNECTION,
      LOGOUT.REMOVE_FOR_RECOVERY,
      LOGOUT.REMOVE_FOR_RECOVERY,
    ]
    const reason = random.chance(0.15) ? LOGOUT.CLOSE_SESSION : random.pick(reasons)
    // Recovery is for those who have it; asking all the same shows what the others say.
    if (reason === LOGOUT.REMOVE_FOR_RECOVERY && session.errorRecoveryLevel < 2 && random.chance(0.8)) return
    this.#around.count(`logout ${reason}`)
    const closing = others.length > 0 && random.chance(0.3) ? random.pick(others) : connection
    if (reason === LOGOUT.CLOSE_SESSION) for (const other of this.#up) if (other !== connection) other.phase = 'logout'
    this.#runner!.logout(connection, closing, reason)
    if (reason === LOGOUT.CLOSE_SESSION) connection.phase = 'logout'
    else closing.phase = 'logout'
  }

  /** A Logout Response came, for a connection that works or for a lost one. */
  #loggedOut({ reason, closing: meant, connection }: LogoutExchange, pdu: TargetPdu): void {
    const response = pdu.byte(2)
    const { cid } = meant
    const context = `logout ${reason} of ${cid}: ${pdu.describe()}`
    const level = this.#runner!.session.errorRecoveryLevel
    // Its answer may have been missing for so long that another connection has the CID now.
    const closing = this.#connections.get(cid) === meant ? meant : undefined
    const lost = this.#lost.get(cid)?.connection === meant ? this.#lost.get(cid) : undefined
    if (response === LOGGED_OUT.CLEANUP_FAILED) {
      // Its tasks took too long to come to rest, or another logout is under way.
      this.#around.count('cleanup failed')
      if (closing !== undefined) this.#broken(closing)
      else if (lost !== undefined) this.#retryLater(lost)
      return
    }
    if (reason === LOGOUT.REMOVE_FOR_RECOVERY && level < 2) {
      assert.equal(response, LOGGED_OUT.RECOVERY_NOT_SUPPORTED, context)
      if (closing?.phase === 'logout') closing.phase = 'up'
      return
    }
    if (reason === LOGOUT.CLOSE_SESSION) {
      assert.equal(response, LOGGED_OUT.CLOSED, context)
      this.#restart('logged out')
      return
    }
    const gone = lost?.connection ?? closing
    if (gone === undefined) return
    const isKnown = gone === connection || (lost === undefined && gone.link.targetEndedMs === null)
    assert.ok(response === LOGGED_OUT.CLOSED || (response === LOGGED_OUT.CID_NOT_FOUND && !isKnown), context)
    const isKept = reason === LOGOUT.REMOVE_FOR_RECOVERY && response === LOGGED_OUT.CLOSED
    this.#lost.delete(cid)
    if (closing !== undefined) this.#drop(closing, this.#around.random.chance(0.3))
    this.#cleaned(gone, isKept)
    // The last connection is closed, and the session with it.
    if (!isKept && this.#connections.size + this.#lost.size === 0) this.#restart('closed the last connection')
  }

  /** The target holds nothing of a lost connection any more but, when `isKept`, its tasks. */
  #cleaned(gone: InitiatorConnection, isKept: boolean): void {
    const runner = this.#runner
    if (runner === null) return
    gone.cleanedMs = this.#nowMs
    for (const command of [...runner.commands.values()]) {
      if (command.connection !== gone) continue
      command.isInLimbo = true
      const isReceived = command.isAcknowledgedBy(runner.session.expCmdSN)
      if (!isReceived) command.afterLoss = 'retry'
      else if (isKept) command.afterLoss = 'reassign'
      else runner.giveUp(command)
    }
    this.#abandoned.push(gone)
    this.#resume()
  }

  readonly #abandoned: InitiatorConnection[] = []

  /** Go on with the commands of lost connections, on those that work. */
  #resume(): void {
    const runner = this.#runner
    const { random } = this.#around
    if (runner === null || this.#up.length === 0) return
    for (const gone of this.#abandoned.splice(0)) runner.resendExchanges(gone, random.pick(this.#up))
    for (const command of [...runner.commands.values()]) {
      const { afterLoss } = command
      if (afterLoss === 'nothing' || this.#up.length === 0) continue
      command.afterLoss = 'nothing'
      const connection = random.pick(this.#up)
      if (afterLoss === 'reassign') {
        if (random.chance(0.1)) runner.abortElsewhere(command, connection)
        else runner.reassign(command, connection)
      } else {
        this.#around.count('command retried elsewhere')
        command.hadRecovery = true
        runner.transmit(command, connection)
      }
    }
  }

  /** Recover lost connections whose time has come. */
  #recover(): void {
    const { random } = this.#around
    if (this.#runner === null) return
    this.#resume()
    if (this.#up.length === 0 && this.#logins.size === 0 && this.#lost.size === 0 && this.#connections.size === 0) {
      // All connections were logged out for recovery: the session waits for a new one.
      this.#logIn(random.integer(0, 3))
      return
    }
    const { errorRecoveryLevel } = this.#runner.session
    for (const [cid, lost] of [...this.#lost]) {
      if (lost.isBeingRecovered || this.#nowMs < lost.recoverAtMs || this.#logins.size > 0) continue
      if (random.chance(errorRecoveryLevel === 2 ? 0.03 : 0.3)) {
        this.#restart('instead of recovery')
        return
      }
      lost.isBeingRecovered = true
      if (this.#up.length > 0 && random.chance(0.5)) {
        const isForRecovery = errorRecoveryLevel === 2 && random.chance(0.9)
        this.#around.count('lost connection logged out')
        const reason = isForRecovery ? LOGOUT.REMOVE_FOR_RECOVERY : LOGOUT.CLOSE_CONNECTION
        this.#runner.logout(random.pick(this.#up), lost.connection, reason)
      } else {
        this.#around.count(this.#up.length > 0 ? 'connection reinstated' : 'session continued')
        this.#logIn(cid)
      }
    }
  }

  /** Send a Login Request on a new connection: as the first of a session, or as `cid` of the one that is there. */
  #logIn(cid: number): void {
    const { node, random } = this.#around
    const link = new SimulatedLink(node, random)
    const connection = new InitiatorConnection(cid, link, this, this.#around.faults, random)
    const session = this.#runner?.session ?? null
    const forSession = session === null ? sessionKeys(random, this.#habits) : {}
    const offered = { ...connectionKeys(random, this.#habits), ...forSession }
    const tsih = session?.tsih ?? 0
    connection.maxRecvDataSegmentLength = Number(offered.MaxRecvDataSegmentLength)
    connection.formerSegmentLength = connection.maxRecvDataSegmentLength
    const former = this.#connections.get(cid)
    if (former !== undefined) this.#drop(former, true)
    this.#connections.set(cid, connection)
    const cmdSN = session?.cmdSN ?? random.pick([1, 0xffff_fff8])
    const login: Login = { connection, offered: { ...offered, CmdSN: String(cmdSN) }, tsih, beganMs: this.#nowMs }
    this.#logins.set(cid, login)
    const names = { InitiatorName: this.#name, TargetName: TARGET_NAME }
    const words = { 8: 0x8000_0000, 12: ISID_QUALIFIER * 0x10000 + tsih, 20: cid * 0x10000, 24: cmdSN }
    const byte1 = FINAL | STRAIGHT_TO_FULL_FEATURE
    const data = encodeText({ ...names, ...offered })
    connection.send({ opcode: OPCODE.LOGIN_REQUEST, immediate: true, byte1, itt: 1, words, data }, this.#nowMs)
  }

  #loginAnswered(connection: InitiatorConnection, pdu: TargetPdu): void {
    const login = this.#logins.get(connection.cid)
    assert.ok(login?.connection === connection, 'the answer to a login')
    this.#logins.delete(connection.cid)
    const status = pdu.header.readUInt16BE(36)
    if (status !== 0) {
      this.#loginRefused(login, status)
      return
    }
    const keys = { ...login.offered, ...decodeText(pdu.data) }
    const digests = { header: keys.HeaderDigest === 'CRC32C', data: keys.DataDigest === 'CRC32C' }
    const tsih = pdu.header.readUInt16BE(14)
    if (login.tsih === 0) this.#begin(keys, tsih, pdu)
    else assert.equal(tsih, login.tsih, 'TSIH of a login that names one')
    const runner = this.#runner!
    const { session } = runner
    connection.enterFullFeaturePhase(digests, session.errorRecoveryLevel, agreed(session, 'iSCSIProtocolLevel'))
    this.windowSeen(pdu.expCmdSN, pdu.maxCmdSN)
    const lost = this.#lost.get(connection.cid)
    this.#lost.delete(connection.cid)
    if (lost !== undefined) this.#cleaned(lost.connection, runner.session.errorRecoveryLevel === 2)
    this.#resume()
  }

  #begin(keys: Readonly<Record<string, string>>, tsih: number, pdu: TargetPdu): void {
    const cmdSN = Number(keys.CmdSN)
    const errorRecoveryLevel = Number(keys.ErrorRecoveryLevel)
    const session: SessionNumbers = { tsih, keys, errorRecoveryLevel, cmdSN, expCmdSN: cmdSN, maxCmdSN: pdu.maxCmdSN }
    assert.equal(pdu.expCmdSN, cmdSN, 'ExpCmdSN of the leading login')
    if (errorRecoveryLevel > 0) assert.equal(keys.MaxOutstandingR2T, '1', 'MaxOutstandingR2T (RFC 7143 13.19)')
    this.#around.count(`session at level ${errorRecoveryLevel} ${keys.TaskReporting}`)
    this.#runner = new TaskRunner(this.#around, session, this.#range, (exchange, answer) =>
      this.#loggedOut(exchange, answer),
    )
  }

  #loginRefused({ connection, tsih }: Login, status: number): void {
    this.#around.count(`login refused ${status.toString(16)}`)
    this.#drop(connection, false)
    const lost = this.#lost.get(connection.cid)
    if (lost !== undefined) this.#retryLater(lost)
    assert.ok(tsih !== 0, `a leading login was refused with ${status.toString(16)}`)
    if (this.#up.length > 0) return
    assert.equal(status, SESSION_DOES_NOT_EXIST, 'status of a login to a session that was left alone')
    this.#restart('the session is gone')
  }

  /** An Asynchronous Message (RFC 7143 11.9). */
  #told(connection: InitiatorConnection, pdu: TargetPdu): void {
    const event = pdu.byte(36)
    this.#around.count(`event ${event}`)
    if (event === ASYNC.CONNECTION_DROP) {
      const dropped = this.#connections.get(pdu.header.readUInt16BE(38))
      if (dropped !== undefined && dropped.link.targetEndedMs !== null) this.#broken(dropped)
    } else if (event === ASYNC.TASK_TERMINATION) {
      const runner = this.#runner!
      assert.equal(runner.session.keys.TaskReporting, 'FastAbort', 'event 5 (RFC 7143 4.2.3.5)')
      for (const command of runner.commands.values()) if (command.connection === connection) command.mayBeLost = true
      if (connection.phase !== 'up') return
      const lun = Buffer.from(pdu.header.subarray(8, 16))
      connection.ping(this.#nowMs, undefined, lun)
    }
  }

  /** A connection works no more. `isHalfOpen`: the target does not know yet. */
  #broken(connection: InitiatorConnection, isHalfOpen = false): void {
    const { cid, phase } = connection
    if (phase === 'gone') return
    const wasLogin = this.#logins.get(cid)?.connection === connection
    this.#drop(connection, isHalfOpen)
    const runner = this.#runner
    if (runner === null) return
    const lost = this.#lost.get(cid)
    if (wasLogin) {
      // It may have been admitted for all we know, or not.
      if (lost !== undefined) this.#retryLater(lost)
      else this.#lose(connection)
      return
    }
    runner.connectionGone(connection)
    this.#lose(connection)
    const others = [...this.#connections.values()]
    const isSessionLogout = phase === 'logout' && others.every((other) => other.phase === 'logout')
    if (isSessionLogout && others.length > 0) this.#restart('during its logout')
  }

  #retryLater(lost: LostConnection): void {
    lost.isBeingRecovered = false
    lost.recoverAtMs = this.#nowMs + RETRY_AFTER_MS
  }

  #lose(connection: InitiatorConnection): void {
    const waitMs = 1000 * agreed(this.#runner!.session, 'DefaultTime2Wait')
    this.#lost.set(connection.cid, { connection, recoverAtMs: this.#nowMs + waitMs, isBeingRecovered: false })
  }

  /** Leave a connection. */
  #drop(connection: InitiatorConnection, isHalfOpen: boolean): void {
    connection.phase = 'gone'
    if (this.#connections.get(connection.cid) === connection) this.#connections.delete(connection.cid)
    if (this.#logins.get(connection.cid)?.connection === connection) this.#logins.delete(connection.cid)
    this.#runner?.connectionGone(connection)
    for (const lost of this.#lost.values()) {
      const { cid } = lost.connection
      lost.isBeingRecovered &&= this.#logins.has(cid) || this.#runner?.isLoggingOut(cid) === true
    }
    if (isHalfOpen && connection.link.targetEndedMs === null) this.#around.forsake(connection.link)
    else connection.link.breakAtTarget()
    connection.link.discardReceived()
  }

  /** Session recovery (RFC 7143 7.1.4.4): all is given up, and a new session takes the place of the old one. */
  #restart(why: string): void {
    this.#around.count(`session recovery: ${why}`)
    for (const connection of [...this.#connections.values()]) this.#drop(connection, this.#around.random.chance(0.5))
    this.#forgetSession()
    this.#logIn(0)
  }

  #forgetSession(): void {
    const runner = this.#runner
    this.#runner = null
    this.#lost.clear()
    this.#logins.clear()
    this.#abandoned.length = 0
    if (runner === null) return
    this.goodCount += runner.goodCount
    for (const command of [...runner.commands.values()]) runner.giveUp(command)
    if (runner.isDisturbing) this.#around.disturbOthers(this)
  }
}
