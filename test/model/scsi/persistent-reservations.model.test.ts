/**
 * Random PERSISTENT RESERVE commands, reads and writes, resets, session losses and restarts of four nexuses; each ending,
 * each unit attention and the whole state after each operation are compared with a small model. `SEED=n` replays a run,
 * `SEEDS=` asks for more of them.
 */

import { isDeepStrictEqual } from 'node:util'
import { expect, it } from 'vitest'
import { LogicalUnit } from '../../../scsi/logical-unit.ts'
import { MemorySavedState } from '../../../scsi/saved-state.ts'
import { ScsiTarget } from '../../../scsi/target.ts'
import {
  moveList,
  OUT,
  pendingAttentions,
  readFullStatus,
  readKeys,
  readReservation,
  reserveOut,
  transportId,
} from '../../support/persistent-reserve.ts'
import { type Ending, NEXUSES, ReservationModel } from '../../support/reservation-model.ts'
import { blockCdb, type Exchange, lunField, TEST_IDENTITY, TestInitiator } from '../../support/scsi-initiator.ts'
import { TestStore } from '../../support/scsi-store.ts'
import { SeededRandom } from '../../support/seeded-random.ts'
import { seedsOf } from '../../support/simulation/seeds.ts'

const OPERATIONS_PER_SEED = 2_500
const SEEDS_BY_DEFAULT = 10
const KEYS = [0, 1, 2, 3]
const TYPES = [1, 3, 5, 6, 7, 8, 1, 3, 5, 6, 7, 8, 0, 4]
const INITIATOR_PORTS = ['iqn.2026-11.example:a,i,0x00023d000001', 'iqn.2026-11.example:b,i,0x00023d000001']
const TARGET_PORTS = [1, 2].map((tag) => ({ name: `iqn.2026-11.example:disk,t,0x000${tag}`, relativeTargetPort: tag }))

/** The device server and the model, which get the same operations. */
class Run {
  readonly #random: SeededRandom
  readonly #model = new ReservationModel()
  readonly #savedState = new MemorySavedState()
  readonly #store = new TestStore(4096)
  #target!: ScsiTarget
  #initiators: TestInitiator[] = []
  /** Registered nowhere. */
  #observer!: TestInitiator

  constructor(seed: number) {
    this.#random = new SeededRandom(seed)
    this.#powerOn()
    this.#model.restart()
  }

  /** One random operation; gives its words. */
  step(): string {
    const [what, actual, expected] = this.#operate(this.#random.integer(0, 3))
    mustEqual(what, actual, expected)
    this.#compareState(what)
    return what
  }

  #operate(nexus: number): [string, Ending, Ending] {
    const random = this.#random
    const draw = random.next()
    if (draw < 0.01) return this.#restart()
    if (draw < 0.02) return this.#reset(nexus)
    if (draw < 0.03) return this.#lose(nexus)
    const initiator = this.#initiators[nexus]!
    mustEqual(`pending for ${nexus}`, pendingAttentions(initiator).sort(), [...this.#model.pending[nexus]!].sort())
    this.#model.pending[nexus]!.clear()
    return draw < 0.25 ? this.#transfer(nexus, initiator) : this.#serviceAction(nexus, initiator)
  }

  #serviceAction(nexus: number, initiator: TestInitiator): [string, Ending, Ending] {
    const random = this.#random
    const model = this.#model
    const action = random.pick([0, 0, 0, 1, 1, 2, 3, 4, 4, 5, 6, 6, 7, 7])
    const key = random.chance(0.8) ? model.keys[nexus]! : random.pick(KEYS)
    const newKey = random.pick(KEYS)
    const type = random.chance(0.5) && model.type > 0 ? model.type : random.pick(TYPES)
    const aptpl = random.chance(0.5)
    const all = random.chance(0.2)
    const specified = random.chance(0.15) ? random.integer(0, 1) : null
    const to = random.integer(0, 3)
    const unregister = random.chance(0.5)
    const what = `${action} by ${nexus}: ${JSON.stringify({ key, newKey, type, aptpl, all, specified, to, unregister })}`
    const fields = { key: BigInt(key), actionKey: BigInt(newKey), type, aptpl }
    const send = (more: object = {}) => endingOf(reserveOut(initiator, action, { ...fields, ...more }))
    const options = { aptpl, all, specified }
    switch (action) {
      case OUT.REGISTER: {
        const ids = specified === null ? {} : { transportIds: [transportId(INITIATOR_PORTS[specified]!)] }
        return [what, send({ allTargetPorts: all, ...ids }), model.register(nexus, key, newKey, options)]
      }
      case OUT.REGISTER_AND_IGNORE:
        return [what, send({ allTargetPorts: all }), model.registerAndIgnore(nexus, newKey, options)]
      case OUT.RESERVE:
        return [what, send(), model.reserve(nexus, key, type)]
      case OUT.RELEASE:
        return [what, send(), model.release(nexus, key, type)]
      case OUT.CLEAR:
        return [what, send(), model.clear(nexus, key)]
      case OUT.REGISTER_AND_MOVE: {
        const { initiator: port, targetPort } = NEXUSES[to]!
        const destination = transportId(INITIATOR_PORTS[port]!)
        const relativeTargetPort = targetPort + 1
        const list = moveList({ ...fields, unregister, relativeTargetPort, transportId: destination })
        return [what, send({ list }), model.move(nexus, key, newKey, to, unregister, aptpl)]
      }
      default:
        return [what, send(), model.preempt(nexus, key, newKey, type)]
    }
  }

  #transfer(nexus: number, initiator: TestInitiator): [string, Ending, Ending] {
    const operation = this.#random.pick(['read', 'write'] as const)
    const exchange =
      operation === 'read'
        ? initiator.send(blockCdb(0x28, 0, 1), { dataInCapacityBytes: 512 })
        : initiator.send(blockCdb(0x2a, 0, 1), { dataOut: Buffer.alloc(512) })
    const isAllowed = this.#model.allows(nexus, operation)
    return [`${operation} by ${nexus}`, endingOf(exchange), isAllowed ? 'good' : 'conflict']
  }

  #reset(nexus: number): [string, Ending, Ending] {
    this.#target.logicalUnitReset(this.#initiators[nexus]!.nexus, lunField(0), () => {})
    for (const pending of this.#model.pending) {
      // A power on that nobody has heard of covers the reset, and the reset covers the loss of a nexus (SAM-5).
      if (pending.has('6/29/00')) continue
      pending.delete('6/29/07')
      pending.add('6/29/03')
    }
    this.#observer.clearUnitAttentions()
    return ['reset', 'good', 'good']
  }

  #lose(nexus: number): [string, Ending, Ending] {
    this.#target.closeNexus(this.#initiators[nexus]!.nexus, () => {})
    this.#open(nexus)
    this.#model.pending[nexus] = new Set(['6/29/07'])
    return ['loss', 'good', 'good']
  }

  #restart(): [string, Ending, Ending] {
    this.#powerOn()
    this.#model.restart()
    return ['restart', 'good', 'good']
  }

  #powerOn(): void {
    const options = { identity: TEST_IDENTITY, blockLengthBytes: 512, isReadOnly: false, savedState: this.#savedState }
    this.#target = new ScsiTarget({
      logicalUnits: new Map([[0, new LogicalUnit(options, this.#store)]]),
      targetPorts: TARGET_PORTS,
      onInternalError: (error) => {
        throw error
      },
    })
    for (const nexus of NEXUSES.keys()) this.#open(nexus)
    this.#observer = new TestInitiator(this.#target, 'observer').clearUnitAttentions()
  }

  #open(nexus: number): void {
    const { initiator, targetPort } = NEXUSES[nexus]!
    const { name, relativeTargetPort } = TARGET_PORTS[targetPort]!
    this.#initiators[nexus] = new TestInitiator(this.#target, 'x', undefined, {
      initiatorPortName: INITIATOR_PORTS[initiator]!,
      targetPortName: name,
      relativeTargetPort,
    })
  }

  #compareState(what: string): void {
    const { keys, type, holder, generation } = this.#model
    const registered = [...keys.keys()].filter((nexus) => keys[nexus] !== 0)
    const expected = registered.map((nexus) => ({
      key: BigInt(keys[nexus]!),
      isHolder: this.#model.isHolder(nexus),
      type: this.#model.isHolder(nexus) ? type : 0,
      relativeTargetPort: NEXUSES[nexus]!.targetPort + 1,
      name: INITIATOR_PORTS[NEXUSES[nexus]!.initiator]!,
    }))
    const actual = readFullStatus(this.#observer).map(({ transportId: id, ...status }) => ({
      ...status,
      name: id.toString('latin1', 4, id.indexOf(0, 4)),
    }))
    actual.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.relativeTargetPort - b.relativeTargetPort))
    mustEqual(what, actual, expected)
    mustEqual(what, readKeys(this.#observer).generation, generation)
    const holderKey = type >= 7 ? 0n : BigInt(keys[holder] ?? 0)
    mustEqual(what, readReservation(this.#observer), type === 0 ? null : { key: holderKey, type })
  }
}

/** `expect` itself costs more than the commands do. */
function mustEqual(what: string, actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) expect([what, actual]).toEqual([what, expected])
}

function endingOf({ status, senseText }: Exchange): Ending {
  if (status === 0x18) return 'conflict'
  return senseText ?? 'good'
}

it.each(seedsOf(process.env, SEEDS_BY_DEFAULT))('persistent reservations agree with the model (SEED=%i)', (seed) => {
  const run = new Run(seed)
  const history: string[] = []
  try {
    for (let count = 0; count < OPERATIONS_PER_SEED; count++) history.push(run.step())
  } catch (error) {
    throw new Error(`after ${history.length} operations, the last of them:\n${history.slice(-12).join('\n')}`, {
      cause: error,
    })
  }
})
