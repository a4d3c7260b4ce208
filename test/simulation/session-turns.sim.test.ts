/**
 * Everything that may happen to sessions, in any order and at any moment: logins that lead, join, go on or are given up,
 * commands whose I/O comes to rest late, logouts of every kind, task management, lost connections, time that passes, an
 * orderly stop. No order of them may be an illegal transition or leave anything behind. Unlike the simulation of sessions
 * the initiators here are not sensible. `SEED=n` replays a seed, `SEEDS=n` and `SEEDS=from..to` run more of them.
 */

import { describe, expect, it } from 'vitest'
import { completeTask } from '../../protocol/connection/task-lifecycle.ts'
import { drainSession } from '../../protocol/session/session-drain.ts'
import { type ConnectionHarness, NodeHarness, TARGET_NAME } from '../support/connection-harness.ts'
import { SeededRandom } from '../support/seeded-random.ts'
import { LOGOUT, logout, ping, reassign } from '../support/session-steps.ts'
import { seedsOf } from '../support/simulation/seeds.ts'
import { NO_TAG, OPCODE } from '../support/wire-pdu.ts'

const SEEDS_OF_EVERY_RUN = 300
const TURNS = 100
/** So few of everything that the bounds are reached. */
const LIMITS = {
  sessionsMax: 4,
  failedSessionsMax: 2,
  lostConnectionsMax: 2,
  commandWindow: 8,
  managementRequestsMax: 3,
  immediateCommandsMax: 3,
}
const PREFERENCES = { maxConnections: 4, errorRecoveryLevel: 2, defaultTime2Wait: 2, defaultTime2Retain: 20 } as const
const TASK_REPORTING = ['FastAbort', 'ResponseFence', 'RFC3720'] as const
/** Every function but CLEAR ACA and TASK REASSIGN. */
const FUNCTIONS = [1, 2, 4, 5, 6, 7, 9, 10, 11, 12] as const
/** Longer than anything is kept or waited for. */
const LONG_MS = 120_000

class Turns {
  readonly #random: SeededRandom
  readonly #internalErrors: unknown[] = []
  readonly #node: NodeHarness
  readonly #hosts: ConnectionHarness[] = []
  readonly #isids = new Map<ConnectionHarness, number>()
  #tag = 0

  constructor(seed: number) {
    this.#random = new SeededRandom(seed)
    const quiet = () => {}
    const error = (fields: object) => this.#internalErrors.push(fields)
    this.#node = new NodeHarness(LIMITS, null, PREFERENCES, { log: { debug: quiet, info: quiet, warn: quiet, error } })
  }

  run(): void {
    const often = [
      () => this.#lead(),
      () => this.#join(),
      () => this.#join(),
      () => this.#join(),
      () => this.#join(),
      () => this.#command(),
      () => this.#command(),
      () => this.#completeOne(),
      () => this.#logOut(),
      () => this.#lose(),
      () => this.#manageTasks(),
    ]
    const seldom = [
      () => this.#node.scsi.rest(),
      () => this.#node.scsi.rest(),
      () => this.#pass(),
      () => this.#onOne((host) => ping(host, ++this.#tag)),
      () => this.#onOne((host) => reassign(host, this.#anyTag(), { itt: ++this.#tag })),
      () => this.#text(),
      () => this.#stop(),
      () => this.#node.context.sessions.dropSessionsOf(TARGET_NAME),
    ]
    for (let turn = 0; turn < TURNS; turn++) {
      this.#random.pick(this.#random.chance(0.8) ? often : seldom)()
      this.#node.clock.settle()
      expect(this.#internalErrors).toEqual([])
    }
    this.#end()
  }

  /** Everybody goes, and time passes. */
  #end(): void {
    const { clock, scsi, context } = this.#node
    for (const host of this.#hosts) if (host.closed === null) host.destroy()
    for (let round = 0; round < 4; round++) {
      scsi.rest()
      clock.advance(LONG_MS)
    }
    expect(this.#internalErrors).toEqual([])
    expect([context.sessions.size, [...context.sessions.endingSessions()].length]).toEqual([0, 0])
    expect([clock.timerCount, scsi.openNexusCount, this.#node.taken]).toEqual([0, 0, [0, 0, 0]])
    expect(this.#hosts.filter(({ connection }) => connection.state !== 'FREE')).toEqual([])
  }

  #lead(): void {
    const host = this.#node.connect(this.#random.chance(0.9) ? 1 : 2)
    const isid = this.#random.integer(1, 3)
    const keys = {
      MaxConnections: '4',
      ErrorRecoveryLevel: String(this.#random.integer(0, 2)),
      DefaultTime2Retain: String(this.#random.pick([0, 5, 20])),
      TaskReporting: this.#random.pick(TASK_REPORTING),
      iSCSIProtocolLevel: '2',
    }
    this.#enter(host, isid, () => host.login({ isid, discovery: this.#random.chance(0.1), keys }))
  }

  #join(): void {
    const known = this.#hosts.filter(({ tsih }) => tsih !== 0).slice(-3)
    if (known.length === 0) return
    const leading = this.#random.pick(known)
    const host = this.#node.connect()
    const isid = this.#isids.get(leading)!
    this.#enter(host, isid, () => host.join(leading, this.#random.integer(0, 1), { isid }))
  }

  #enter(host: ConnectionHarness, isid: number, login: () => void): void {
    this.#hosts.push(host)
    this.#isids.set(host, isid)
    login()
    if (this.#random.chance(0.2)) host.destroy()
  }

  #onOne(act: (host: ConnectionHarness) => void): void {
    const hosts = this.#hosts.filter(({ closed, connection }) => closed === null && connection.isLoggedIn)
    if (hosts.length > 0) act(this.#random.pick(hosts))
  }

  #command(): void {
    const isWrite = this.#random.chance(0.3)
    const gap = this.#random.chance(0.2) ? this.#random.integer(1, 3) : 0
    this.#onOne((host) => {
      const cmdSN = gap === 0 ? host.cmdSN++ : host.cmdSN + gap
      host.command({
        itt: ++this.#tag,
        write: isWrite,
        edtl: isWrite ? 512 : 0,
        lun: this.#random.integer(0, 1),
        cmdSN,
      })
    })
  }

  #completeOne(): void {
    const { tasks } = this.#node.scsi
    if (tasks.length === 0) return
    const task = this.#random.pick(tasks)
    this.#node.scsi.ended(task)
    task.needsFence = this.#random.chance(0.3)
    completeTask(task, 0, null, task.expectedBytes)
  }

  #logOut(): void {
    const reason = this.#random.pick(Object.values(LOGOUT))
    this.#onOne((host) => {
      const cid = this.#random.chance(0.5) ? host.cid : this.#random.integer(0, 2)
      logout(host, reason, { cid, itt: ++this.#tag, immediate: this.#random.chance(0.5) })
    })
  }

  #lose(): void {
    const open = this.#hosts.filter(({ closed }) => closed === null)
    if (open.length > 0) this.#random.pick(open).destroy()
  }

  #pass(): void {
    this.#node.clock.advance(this.#random.pick([1, 1000, 3000, 6000, 25_000]))
  }

  #manageTasks(): void {
    const code = this.#random.pick(FUNCTIONS)
    const immediate = this.#random.chance(0.5)
    this.#onOne((host) => {
      const cmdSN = immediate ? host.cmdSN : host.cmdSN++
      const words = { 20: this.#anyTag(), 24: cmdSN, 28: host.expStatSN, 32: host.cmdSN - 1 }
      const opcode = OPCODE.TASK_MANAGEMENT_REQUEST
      host.request({ opcode, immediate, byte1: 0x80 | code, itt: ++this.#tag, lun: this.#random.integer(0, 1), words })
    })
  }

  #text(): void {
    const byte1 = this.#random.pick([0x80, 0, 0x40, 0xc0])
    this.#onOne((host) => {
      const words = { 20: NO_TAG, 24: host.cmdSN, 28: host.expStatSN }
      host.request({ opcode: OPCODE.TEXT_REQUEST, immediate: true, byte1, itt: ++this.#tag, words })
    })
  }

  /** The target begins to stop, which it does in few runs, and late. */
  #stop(): void {
    if (!this.#random.chance(0.1)) return
    const { context } = this.#node
    context.sessions.close()
    for (const session of [...context.sessions.sessions(), ...context.sessions.endingSessions()]) {
      drainSession(context, session, this.#random.pick([0, 3000]), () => {})
    }
  }

  #anyTag(): number {
    return this.#random.integer(1, this.#tag + 1)
  }
}

describe('sessions, whatever is done to them', () => {
  it.each(seedsOf(process.env, SEEDS_OF_EVERY_RUN))(
    'keep to their states and leave nothing behind: seed %i',
    (seed) => {
      new Turns(seed).run()
    },
  )
})
