/**
 * iSCSI connections without sockets, on a virtual clock, over a SCSI layer that does what the test says. For tests of
 * what happens between the layers and in time.
 */

import { randomBytes } from 'node:crypto'
import { Connection } from '../../protocol/connection/connection.ts'
import type { ConnectionTransport } from '../../protocol/connection/connection-transport.ts'
import { taskAborted } from '../../protocol/connection/task-lifecycle.ts'
import { DataInPool } from '../../protocol/framing/data-in-pool.ts'
import { HeaderCell } from '../../protocol/framing/header-cell.ts'
import { RECEIVE_BUFFER_BYTES, type ReceiveBuffer, ReceiveBufferPool } from '../../protocol/framing/receive-buffer.ts'
import type { SessionParameters } from '../../protocol/login/parameters.ts'
import { createRecentChallenges } from '../../protocol/login/recent-challenges.ts'
import type { NodeContext, Scheduler } from '../../protocol/node-context.ts'
import { ObjectPool } from '../../protocol/object-pool.ts'
import type { NexusHandler, ScsiLayer, TaskManagementRequest } from '../../protocol/scsi-layer.ts'
import { SessionRegistry } from '../../protocol/session/session-registry.ts'
import { Task } from '../../protocol/session/task.ts'
import { LIMITS, type Limits, loginPreferences } from '../../src/limits.ts'
import { OneTargetDirectory } from './one-target-directory.ts'
import {
  BHS_BYTES,
  isSerialAfter,
  NO_TAG,
  OPCODE,
  paddingBytes,
  type RequestFields,
  requestBytes,
  TargetPdu,
} from './wire-pdu.ts'
import { encodeText } from './wire-text.ts'

export const TARGET_NAME = 'iqn.2026-11.example:disk'
const NOTHING_KEPT = { DefaultTime2Wait: '0', DefaultTime2Retain: '0' }
/** Login Request, byte 1: transit from operational negotiation to full feature phase. */
const STRAIGHT_TO_FULL_FEATURE = 0x87

/** Time that passes when the test says so. */
export class VirtualClock implements Scheduler {
  #nowMs = 0
  #timers: { atMs: number; fire: () => void }[] = []
  #deferred: (() => void)[] = []

  nowMs(): number {
    return this.#nowMs
  }

  setTimer(delayMs: number, fire: () => void) {
    const timer = { atMs: this.#nowMs + delayMs, fire }
    this.#timers.push(timer)
    const cancel = () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
    return { cancel }
  }

  defer(run: () => void): void {
    this.#deferred.push(run)
  }

  get timerCount(): number {
    return this.#timers.length
  }

  /** Let this turn of the event loop end. */
  settle(): void {
    for (const run of this.#deferred.splice(0)) run()
  }

  advance(ms: number): void {
    const endMs = this.#nowMs + ms
    for (;;) {
      const next = this.#timers.filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0]
      if (next === undefined) break
      this.#timers = this.#timers.filter((timer) => timer !== next)
      this.#nowMs = next.atMs
      next.fire()
      this.settle()
    }
    this.#nowMs = endMs
  }
}

/** Keeps every task until the test completes it; aborted ones until the test lets them rest. */
export class HeldScsiLayer implements ScsiLayer {
  /** Tasks that were handed up and have not ended, oldest first. */
  readonly tasks: Task[] = []
  openNexusCount = 0
  /** The LUN fields, in hexadecimal, of which the iSCSI layer said that tasks ended there. */
  readonly terminatedLuns: string[] = []
  /** What ends when the backing I/O of aborted tasks comes to rest. */
  readonly #resting: (() => void)[] = []

  openNexus(): NexusHandler {
    this.openNexusCount++
    const own = new Set<Task>()
    const abort = (tasks: readonly Task[], ended: () => void) =>
      this.#resting.push(() => {
        for (const task of tasks) {
          if (!this.tasks.includes(task)) continue
          this.ended(task)
          taskAborted(task)
        }
        ended()
      })
    return {
      logicalUnitOf: (lun) => lun.toString('hex'),
      commandReceived: (task) => {
        own.add(task)
        this.tasks.push(task)
      },
      taskManagementRequestReceived: (request: TaskManagementRequest, executed) =>
        abort(request.referencedTask === null ? [...own].filter(request.covers) : [request.referencedTask], () =>
          executed(0),
        ),
      responseDropped: () => {},
      tasksTerminated: (luns) => this.terminatedLuns.push(...luns.map((lun) => lun.toString('hex'))),
      close: (ended) => {
        this.openNexusCount--
        abort([...own], ended)
      },
    }
  }

  /** The test has completed this task. */
  ended(task: Task): void {
    this.tasks.splice(this.tasks.indexOf(task), 1)
  }

  /** All aborted backing I/O comes to rest now. */
  rest(): void {
    for (const end of this.#resting.splice(0)) end()
  }
}

/** Spoils what nobody holds any more, so that who still reads it is found out. */
class PoisoningPool extends ReceiveBufferPool {
  override giveBack(buffer: ReceiveBuffer): void {
    buffer.memory.fill(0xdd)
    super.giveBack(buffer)
  }
}

/** The node that all connections of a test share. */
export class NodeHarness {
  readonly clock = new VirtualClock()
  readonly scsi = new HeldScsiLayer()
  readonly context: NodeContext

  /**
   * `scsi` takes the place of the layer that holds every task; `preferences` are over those that the server has;
   * `others` replace parts of the node.
   */
  constructor(
    limits: Partial<Limits> = {},
    scsi: ScsiLayer | null = null,
    preferences: Partial<SessionParameters> = {},
    others: Partial<Pick<NodeContext, 'directory' | 'log'>> = {},
  ) {
    const all = { ...LIMITS, ...limits }
    const quiet = () => {}
    const preferred = loginPreferences(all)
    this.context = {
      limits: all,
      preferences: { ...preferred, session: { ...preferred.session, ...preferences } },
      directory: new OneTargetDirectory({ name: TARGET_NAME, alias: '' }, { kind: 'none' }),
      scsi: scsi ?? this.scsi,
      sessions: new SessionRegistry(),
      headers: new ObjectPool(HeaderCell, all.idleHeadersMax),
      slots: new DataInPool(all.idleDataInBytesMax),
      receiveBuffers: new PoisoningPool(all.idleReceiveBytesMax),
      tasks: new ObjectPool(Task, all.idleTasksMax),
      scheduler: this.clock,
      recentChallenges: createRecentChallenges(16),
      randomBytes,
      log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
      ...others,
    }
  }

  connect(portalGroupTag = 1): ConnectionHarness {
    return new ConnectionHarness(this, portalGroupTag)
  }

  /** What is out of the pools: headers, Data-In slots, tasks. All zero when nothing runs. */
  get taken(): readonly number[] {
    const { headers, slots, tasks, receiveBuffers } = this.context
    if (receiveBuffers.takenCount > 0) throw new Error(`${receiveBuffers.takenCount} receive buffers are held`)
    return [headers.takenCount, slots.takenCount, tasks.takenCount]
  }
}

/** Hands bytes over as a socket does: in memory that is used again as soon as nobody holds it. */
export function receiveFromPool(connection: Connection, bytes: Buffer): void {
  const pool = connection.context.receiveBuffers
  const byteCount = RECEIVE_BUFFER_BYTES.small
  for (let at = 0; at < bytes.length; at += byteCount) {
    const buffer = pool.take(byteCount)
    const filled = bytes.copy(buffer.memory, 0, at)
    try {
      connection.receive(buffer.memory.subarray(0, filled), buffer)
    } finally {
      buffer.release()
    }
  }
}

export interface LoginFields {
  readonly initiator?: string
  readonly isid?: number
  readonly discovery?: boolean
  readonly keys?: Readonly<Record<string, string>>
  readonly tsih?: number
  readonly cid?: number
}

/** RFC 7143 11.4.9, 11.7.4, 11.8.3, 11.19.2. */
function takesStatSN(pdu: TargetPdu): boolean {
  if (pdu.opcode === OPCODE.R2T) return false
  if (pdu.opcode === OPCODE.DATA_IN) return (pdu.byte(1) & 0x01) !== 0
  return pdu.opcode !== OPCODE.NOP_IN || pdu.itt !== NO_TAG
}

/** One connection and what it sent. */
export class ConnectionHarness implements ConnectionTransport {
  readonly connection: Connection
  readonly received: TargetPdu[] = []
  /** How the target closed its side. */
  closed: 'end' | 'destroy' | null = null
  /** Sent bytes stay with the transport while this is true. */
  isStalled = false
  /** The target takes nothing more for now. */
  isPaused = false
  /** Data digests go both ways, as was negotiated; those that come are not looked at. */
  dataDigest = false
  /** From the login on. */
  tsih = 0
  cid = 0
  /** Shared by the connections of a session. */
  #numbers = { cmdSN: 1 }
  #expStatSN = 0
  readonly #node: NodeHarness
  readonly #stalled: (() => void)[] = []

  constructor(node: NodeHarness, portalGroupTag = 1) {
    this.#node = node
    const endpoint = {
      localAddress: '127.0.0.1',
      localPort: 3260,
      remoteAddress: '127.0.0.2',
      portalId: String(portalGroupTag),
      tls: null,
    }
    this.connection = new Connection(node.context, endpoint, this)
  }

  get cmdSN(): number {
    return this.#numbers.cmdSN
  }

  set cmdSN(cmdSN: number) {
    this.#numbers.cmdSN = cmdSN
  }

  /** The StatSN that is due next: what acknowledges everything that came. */
  get expStatSN(): number {
    return this.#expStatSN
  }

  send(buffers: readonly Buffer[], _byteCount: number, sent: () => void): void {
    this.#receive(Buffer.concat(buffers))
    if (this.isStalled) this.#stalled.push(sent)
    else sent()
  }

  end(): void {
    this.closed = 'end'
  }

  destroy(): void {
    this.closed = 'destroy'
    this.connection.transportClosed()
  }

  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    this.isPaused = false
  }

  /** What was held back leaves. */
  unstall(): void {
    this.isStalled = false
    for (const sent of this.#stalled.splice(0)) sent()
    this.#node.clock.settle()
  }

  /**
   * Send one request, `isCorrupted` with a data digest that does not match; what follows from it within this turn has
   * happened when this returns.
   */
  request(fields: RequestFields, isCorrupted = false): void {
    const bytes = requestBytes(fields, { header: false, data: this.dataDigest })
    if (isCorrupted) bytes[bytes.length - 1]! ^= 1
    receiveFromPool(this.connection, bytes)
    this.#node.clock.settle()
  }

  /**
   * Log in; `keys` are offered besides the names. Without a key that says otherwise nothing of a lost connection is to be
   * kept, so that a session ends with its last one.
   */
  login(login: LoginFields = {}): void {
    const { initiator = 'iqn.2026-11.example:host', isid = 1, discovery = false, keys = {}, tsih = 0, cid = 0 } = login
    const names = discovery
      ? { InitiatorName: initiator, SessionType: 'Discovery' }
      : { InitiatorName: initiator, TargetName: TARGET_NAME }
    this.request({
      opcode: OPCODE.LOGIN_REQUEST,
      immediate: true,
      byte1: STRAIGHT_TO_FULL_FEATURE,
      words: { 8: 0x8000_0000, 12: (isid << 16) | tsih, 20: cid << 16, 24: this.cmdSN },
      data: encodeText({ ...names, ...(discovery || tsih !== 0 ? {} : NOTHING_KEPT), ...keys }),
    })
    this.cid = cid
    this.tsih = this.received.at(-1)?.header.readUInt16BE(14) ?? tsih
  }

  /** Log in as the connection `cid` of the session that `leading` has opened; the two share CmdSNs from then on. */
  join(leading: ConnectionHarness, cid: number, login: LoginFields = {}): void {
    this.#numbers = leading.#numbers
    this.login({ tsih: leading.tsih, cid, ...login })
  }

  /** A SCSI command; the CDB is of no interest to the held SCSI layer. */
  command(fields: {
    itt: number
    read?: boolean
    write?: boolean
    final?: boolean
    edtl?: number
    data?: Buffer
    cmdSN?: number
    lun?: number
  }): void {
    const { itt, read = false, write = false, final = true, edtl = 0, data = Buffer.alloc(0), lun = 0 } = fields
    this.request({
      opcode: OPCODE.SCSI_COMMAND,
      byte1: (final ? 0x80 : 0) | (read ? 0x40 : 0) | (write ? 0x20 : 0) | 1,
      lun,
      itt,
      words: { 20: edtl, 24: fields.cmdSN ?? this.cmdSN++ },
      data,
    })
  }

  /** Data-Out; `ttt` as in the R2T, or none for unsolicited data. */
  dataOut(
    itt: number,
    ttt: number,
    dataSN: number,
    offset: number,
    data: Buffer,
    isFinal = true,
    isCorrupted = false,
  ): void {
    const words = { 20: ttt, 36: dataSN, 40: offset }
    this.request({ opcode: OPCODE.DATA_OUT, byte1: isFinal ? 0x80 : 0, itt, words, data }, isCorrupted)
  }

  /** The PDUs that came since the last call. */
  take(): TargetPdu[] {
    return this.received.splice(0)
  }

  #receive(bytes: Buffer): void {
    let at = 0
    while (at < bytes.length) {
      const header = bytes.subarray(at, at + BHS_BYTES)
      const dataBytes = header.readUIntBE(5, 3)
      const dataAt = at + BHS_BYTES
      const end = dataAt + dataBytes + paddingBytes(dataBytes)
      const data = bytes.subarray(dataAt, dataAt + dataBytes)
      const digestBytes = this.dataDigest && dataBytes > 0 ? 4 : 0
      const pdu = new TargetPdu(header, data, bytes.subarray(dataAt + dataBytes, end))
      this.received.push(pdu)
      const nextStatSN = (pdu.statSN + 1) >>> 0
      if (takesStatSN(pdu) && isSerialAfter(nextStatSN, this.#expStatSN)) this.#expStatSN = nextStatSN
      at = end + digestBytes
    }
  }
}
