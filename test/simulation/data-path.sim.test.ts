/**
 * Two initiators, one disk, and everything that can come in between: reads and writes in pieces, aborts and resets,
 * broken connections, sessions taken over, a disk that completes late and out of order, and one that fails. No byte may
 * be lost, none may appear that nobody wrote, nothing may hang, and at the end everything is back where it came from.
 * `SEED=n` runs that seed alone, `SEEDS=n` the first n.
 */

import { describe, expect, it } from 'vitest'
import { CheckedStore } from '../../scsi/backing/checked.ts'
import { LogicalUnit } from '../../scsi/logical-unit.ts'
import { ScsiTarget } from '../../scsi/target.ts'
import { Bridge } from '../../src/bridge.ts'
import { NodeHarness, TARGET_NAME } from '../support/connection-harness.ts'
import { TEST_IDENTITY } from '../support/scsi-initiator.ts'
import { SeededRandom } from '../support/seeded-random.ts'
import { BLOCK_BYTES, DiskModel, SimulatedDisk } from '../support/simulated-disk.ts'
import { SimulatedInitiator, type Surroundings } from '../support/simulated-initiator.ts'

const SEEDS =
  process.env.SEED === undefined
    ? Array.from({ length: Number(process.env.SEEDS ?? 24) }, (_, at) => at + 1)
    : [Number(process.env.SEED)]
const STEPS = 2000
const SETTLING_STEPS_MAX = 20_000
const BLOCKS_EACH = 1500
const LIMITS = { commandWindow: 16, outboundBytesMax: 65_536, inboundBytesMax: 65_536, idleTasksMax: 4 }

/** Let completions that were put off to a fresh stack come. */
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve))

class Simulation {
  readonly random: SeededRandom
  readonly disk: SimulatedDisk
  readonly model = new DiskModel(2 * BLOCKS_EACH)
  readonly internalErrors: unknown[] = []
  readonly node: NodeHarness
  readonly initiators: readonly SimulatedInitiator[]

  constructor(seed: number) {
    this.random = new SeededRandom(seed)
    const isFaulty = seed % 2 === 0
    this.disk = new SimulatedDisk(2 * BLOCKS_EACH * BLOCK_BYTES, this.random)
    this.disk.promptness = this.random.pick([0, 0.5, 1])
    this.disk.faultiness = isFaulty ? 0.05 : 0
    const store = new CheckedStore(this.disk)
    const logicalUnit = new LogicalUnit(
      { identity: TEST_IDENTITY, blockLengthBytes: BLOCK_BYTES, isReadOnly: false },
      store,
    )
    const target = new ScsiTarget({
      logicalUnits: new Map([[0, logicalUnit]]),
      onInternalError: (error) => this.internalErrors.push(error),
    })
    this.node = new NodeHarness(LIMITS, new Bridge(new Map([[TARGET_NAME, target]])))
    const around: Surroundings = {
      node: this.node,
      random: this.random,
      model: this.model,
      nextWrite: 1,
      isFaulty,
      othersAborted: (by) => this.#loseOthers(by),
    }
    this.initiators = [0, 1].map((at) => {
      const name = `iqn.2026-11.example:host${at}`
      return new SimulatedInitiator(around, name, at * BLOCKS_EACH, BLOCKS_EACH)
    })
  }

  async run(): Promise<void> {
    for (let step = 0; step < STEPS; step++) {
      this.#step()
      if (step % 50 === 0) await nextTurn()
    }
    await this.#settle()
    for (const { connection } of this.initiators) {
      expect([connection.inbound.bytes, connection.outbound.isFull]).toEqual([0, false])
    }
    for (const initiator of this.initiators) initiator.leave()
  }

  #step(): void {
    const { random, disk } = this
    const initiator = random.pick(this.initiators)
    const dice = random.next()
    if (initiator.isClosed || dice < 0.004) initiator.reconnect()
    else if (dice < 0.02) initiator.abortSomething()
    else if (dice < 0.03) initiator.ping()
    else if (dice < 0.25) initiator.begin()
    else if (dice < 0.5) initiator.moveToTarget()
    else if (dice < 0.75) initiator.moveToInitiator()
    else if (disk.pendingCount > 0) disk.completeOne()
    this.node.clock.settle()
  }

  /** Begin nothing more; everything that was begun comes to its end. */
  async #settle(): Promise<void> {
    const { disk, initiators } = this
    disk.faultiness = 0
    for (let step = 0; step < SETTLING_STEPS_MAX; step++) {
      if (step % 50 === 0) await nextTurn()
      if (disk.pendingCount > 0) disk.completeOne()
      this.node.clock.settle()
      for (const initiator of initiators) {
        if (initiator.isClosed) initiator.reconnect()
        initiator.moveToTarget()
        initiator.moveToInitiator()
      }
      if (disk.pendingCount > 0 || initiators.some(({ hasTraffic }) => hasTraffic)) continue
      if (initiators.every(({ isQuiet }) => isQuiet)) return
      await nextTurn()
      for (const initiator of initiators) initiator.abortLost()
      if (initiators.every(({ hasTraffic }) => !hasTraffic)) break
    }
    expect(initiators.map(({ open }) => open)).toEqual([[], []])
    expect(initiators.map(({ isQuiet }) => isQuiet)).toEqual([true, true])
  }

  #loseOthers(by: SimulatedInitiator): void {
    for (const initiator of this.initiators) {
      if (initiator === by) continue
      for (const command of initiator.outstanding.values()) command.mayBeLost = true
    }
  }
}

/** Time2Wait and Time2Retain where nobody negotiates them. */
const RETENTION_MS = 22_000

describe('the data path', () => {
  it.each(SEEDS)('[SN-2] [TMF-8] [SESS-3] loses nothing, mixes nothing up, and ends: seed %i', async (seed) => {
    const simulation = new Simulation(seed)
    const { node, disk, model, internalErrors, initiators } = simulation
    await simulation.run()
    await nextTurn()
    // What is kept of the sessions that they left ends with its time.
    node.clock.advance(RETENTION_MS)
    model.check(disk.bytes, 0)
    expect(internalErrors).toEqual([])
    expect([node.taken, node.context.sessions.size, node.clock.timerCount]).toEqual([[0, 0, 0], 0, 0])
    expect(initiators.reduce((sum, { goodCount }) => sum + goodCount, 0)).toBeGreaterThan(0)
  })
})
