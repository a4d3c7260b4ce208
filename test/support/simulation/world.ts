/**
 * A simulation: two initiators with their sessions, one target with one disk, a network that fails, on a virtual clock.
 * Everything that happens follows from the seed. `run` ends when all that was begun has come to its end; what must be so
 * then is `check`ed.
 */

import assert from 'node:assert/strict'
import { CheckedStore } from '../../../scsi/backing/checked.ts'
import { LogicalUnit } from '../../../scsi/logical-unit.ts'
import { ScsiTarget } from '../../../scsi/target.ts'
import { Bridge } from '../../../src/bridge.ts'
import { NodeHarness, TARGET_NAME } from '../connection-harness.ts'
import { TEST_IDENTITY } from '../scsi-initiator.ts'
import { SeededRandom } from '../seeded-random.ts'
import { BLOCK_BYTES, DiskModel, SimulatedDisk } from '../simulated-disk.ts'
import { Faults } from './faults.ts'
import type { SimulatedLink } from './link.ts'
import { anyHabits } from './login-keys.ts'
import { OrderCheckingLayer } from './order-checking-layer.ts'
import { RecoveringInitiator } from './recovering-initiator.ts'
import type { Surroundings } from './surroundings.ts'

const STEPS = 3000
const SETTLING_STEPS_MAX = 40_000
const BLOCKS_EACH = 400
const SETTLING_STEP_MS = 500
/** The longest that anything of a session may be kept for an initiator that has left. */
const FAREWELL_MS = 4_000_000
const LIMITS = {
  commandWindow: 16,
  outboundBytesMax: 65_536,
  inboundBytesMax: 65_536,
  retainedDataInBytesMax: 8_192,
  idleTasksMax: 4,
}
/** What the target would agree to; initiators ask for less. */
const PREFERENCES = {
  maxConnections: 4,
  errorRecoveryLevel: 2,
  defaultTime2Wait: 0,
  defaultTime2Retain: 60,
  taskReporting: 'FastAbort',
  iSCSIProtocolLevel: 2,
} as const

/** Let completions that were put off to a fresh stack come. */
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve))

export class World {
  readonly counts = new Map<string, number>()
  readonly random: SeededRandom
  readonly #seed: number
  readonly #disk: SimulatedDisk
  readonly #model = new DiskModel(2 * BLOCKS_EACH)
  readonly #faults: Faults
  readonly #node: NodeHarness
  readonly #initiators: readonly RecoveringInitiator[]
  /** Connections that only the target still has. */
  #forsaken: SimulatedLink[] = []
  readonly #errors: unknown[] = []

  constructor(seed: number) {
    this.#seed = seed
    this.random = new SeededRandom(seed)
    const { random } = this
    const isFaulty = random.chance(0.2)
    this.#disk = new SimulatedDisk(2 * BLOCKS_EACH * BLOCK_BYTES, random)
    this.#disk.promptness = random.pick([0, 0.5, 1])
    this.#disk.faultiness = isFaulty ? 0.05 : 0
    this.#faults = new Faults(random, random.pick([0, 0.01, 0.05]))
    const logicalUnit = new LogicalUnit(
      { identity: TEST_IDENTITY, blockLengthBytes: BLOCK_BYTES, isReadOnly: false },
      new CheckedStore(this.#disk),
    )
    const target = new ScsiTarget({
      logicalUnits: new Map([[0, logicalUnit]]),
      onInternalError: (error) => this.#errors.push(error),
    })
    const bridge = new Bridge(new Map([[TARGET_NAME, target]]))
    this.#node = new NodeHarness(LIMITS, new OrderCheckingLayer(bridge), PREFERENCES)
    this.#node.context.log.error = (fields) => this.#errors.push((fields as { err?: unknown }).err ?? fields)
    const around: Surroundings = {
      node: this.#node,
      random,
      model: this.#model,
      faults: this.#faults,
      isFaulty,
      nextWrite: 1,
      isDisturbed: (asker) => this.#initiators.some(({ runner, isDisturbing }) => runner !== asker && isDisturbing),
      disturbOthers: (by) => {
        for (const initiator of this.#initiators) if (initiator.runner !== by) initiator.disturbed()
      },
      forsake: (link) => this.#forsaken.push(link),
      count: (what) => void this.counts.set(what, (this.counts.get(what) ?? 0) + 1),
    }
    this.#initiators = [0, 1].map((at) => {
      const habits = anyHabits(random, random.integer(0, 2))
      return new RecoveringInitiator(around, `iqn.2026-11.example:host${at}`, at * BLOCKS_EACH, BLOCKS_EACH, habits)
    })
  }

  get goodCount(): number {
    return this.#initiators.reduce((sum, { goodCount }) => sum + goodCount, 0)
  }

  async run(): Promise<void> {
    for (let step = 0; step < STEPS; step++) {
      this.#step()
      this.#checkErrors()
      if (step % 50 === 0) await nextTurn()
    }
    await this.#settle()
    await this.#leave()
    this.#check()
  }

  #step(): void {
    const { random } = this
    const initiator = random.pick(this.#initiators)
    const dice = random.next()
    if (dice < 0.003) initiator.breakSomething()
    else if (dice < 0.025) initiator.actRarely()
    else if (dice < 0.2) initiator.begin()
    else if (dice < 0.26) initiator.tick()
    else if (dice < 0.28) this.#node.clock.advance(random.pick([1, 10, 200]))
    else if (dice < 0.2805) this.#node.clock.advance(random.pick([2_000, 8_000, 40_000]))
    else if (dice < 0.29) this.#moveForsaken()
    else if (dice < 0.75) initiator.move()
    else if (this.#disk.pendingCount > 0) this.#disk.completeOne()
    this.#node.clock.settle()
  }

  /** What initiators have left goes on for the target for a while. */
  #moveForsaken(): void {
    for (const link of this.#forsaken) {
      link.discardReceived()
      if (this.random.chance(0.7)) link.moveToTarget()
      if (this.random.chance(0.1)) link.breakAtTarget()
    }
    this.#forsaken = this.#forsaken.filter(({ isAtEnd }) => !isAtEnd)
  }

  /** Begin nothing more; everything that was begun comes to its end. */
  async #settle(): Promise<void> {
    this.#disk.faultiness = 0
    this.#faults.areOver = true
    for (let step = 0; step < SETTLING_STEPS_MAX; step++) {
      if (step % 50 === 0) await nextTurn()
      if (this.#disk.pendingCount > 0) this.#disk.completeOne()
      for (const initiator of this.#initiators) initiator.move()
      this.#node.clock.settle()
      this.#checkErrors()
      if (this.#disk.pendingCount > 0 || this.#initiators.some(({ hasTraffic }) => hasTraffic)) continue
      await nextTurn()
      if (this.#disk.pendingCount > 0) continue
      for (const initiator of this.#initiators) initiator.tick()
      if (this.#initiators.some(({ hasTraffic }) => hasTraffic)) continue
      if (this.#initiators.every(({ isQuiet }) => isQuiet)) return
      this.#moveForsaken()
      this.#node.clock.advance(SETTLING_STEP_MS)
    }
    assert.fail(
      `not everything came to its end: ${JSON.stringify(
        this.#initiators.map(({ open }) => open),
        null,
        1,
      )}`,
    )
  }

  /** Everybody leaves, and what is kept for them times out. */
  async #leave(): Promise<void> {
    for (const initiator of this.#initiators) initiator.leave()
    for (const link of this.#forsaken) {
      link.breakAtTarget()
      link.discardReceived()
    }
    this.#node.clock.advance(FAREWELL_MS)
    for (let turn = 0; turn < 3; turn++) {
      while (this.#disk.pendingCount > 0) this.#disk.completeOne()
      await nextTurn()
      this.#node.clock.settle()
    }
    this.#node.clock.advance(FAREWELL_MS)
  }

  #check(): void {
    this.#checkErrors()
    this.#model.check(this.#disk.bytes, 0)
    const { context, clock, taken } = this.#node
    const kept = { taken, sessions: context.sessions.size, timers: clock.timerCount }
    assert.deepEqual(kept, { taken: [0, 0, 0], sessions: 0, timers: 0 }, 'nothing is kept of sessions that ended')
  }

  /** Mistakes of ours that the target has caught, illegal transitions of its state tables among them. */
  #checkErrors(): void {
    const [error] = this.#errors
    if (error !== undefined) throw new Error(`internal error of the target, seed ${this.#seed}`, { cause: error })
  }
}
