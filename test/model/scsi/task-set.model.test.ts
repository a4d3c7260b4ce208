/**
 * Task attributes, auto contingent allegiance, aborts and an overloaded task set (SAM-5), all at once: three nexuses send
 * what they like, the store ends its work in any order, and after each step the same commands have been started and have
 * ended, in the same way, as in a small model.
 */

import * as fc from 'fast-check'
import { describe, it } from 'vitest'
import { blockCdb, type Exchange, lunField, TestInitiator, testBench } from '../../support/scsi-initiator.ts'
import { ATTRIBUTE, type Attribute, type End, type ModelCommand, TaskSetModel } from '../../support/task-set-model.ts'

const NEXUSES = 3
/** Few, so that the task set is full now and then. */
const COMMANDS_MAX = 6
const FAILING_NACA = [0, 0x01, 0, 0, 0, 0x04]
const RUNS = 2000

type Step =
  | { readonly kind: 'command'; readonly nexus: number; readonly attribute: Attribute }
  | { readonly kind: 'fault' | 'clearAca'; readonly nexus: number }
  | { readonly kind: 'release' | 'abort'; readonly pick: number }

const nexus = fc.nat(NEXUSES - 1)
const command = fc.record({
  kind: fc.constant('command' as const),
  nexus,
  attribute: fc.constantFrom<Attribute>(0, 0, 0, 1, 1, 2, 3),
})
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: command },
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('release' as const), pick: fc.nat(20) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('abort' as const), pick: fc.nat(20) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('fault' as const, 'clearAca' as const), nexus }) },
  ),
  { minLength: 10, maxLength: 80 },
)

const STATUS_NAMES: Readonly<Record<number, End>> = {
  0: 'good',
  2: 'checkCondition',
  8: 'busy',
  40: 'taskSetFull',
  48: 'acaActive',
}

class Comparison {
  readonly #bench = testBench({ blockCount: 128, commandsMax: COMMANDS_MAX })
  readonly #initiators: readonly TestInitiator[]
  readonly #model: TaskSetModel
  /** The number of a command is its place here, and the block that it writes. */
  readonly #exchanges: Exchange[] = []
  readonly #released: number[] = []

  constructor(isPerNexus: boolean) {
    const { target, store, logicalUnit } = this.#bench
    this.#initiators = Array.from({ length: NEXUSES }, (_, index) =>
      new TestInitiator(target, `host${index}`).clearUnitAttentions(),
    )
    store.isManual = true
    logicalUnit.taskSet.isPerNexus = isPerNexus
    this.#model = new TaskSetModel(isPerNexus, COMMANDS_MAX)
  }

  perform(step: Step): void {
    switch (step.kind) {
      case 'command':
        this.#send(step.nexus, step.attribute)
        break
      case 'fault':
        this.#exchanges.push(this.#initiators[step.nexus]!.send(FAILING_NACA, { attribute: ATTRIBUTE.HEAD_OF_QUEUE }))
        this.#model.fault(step.nexus)
        break
      case 'clearAca':
        if (this.#model.faultedNexuses.includes(step.nexus)) this.#clearAca(step.nexus)
        break
      case 'release':
        if (this.#bench.store.heldCount > 0) this.#release(step.pick % this.#bench.store.heldCount)
        break
      case 'abort':
        if (this.#exchanges.length > 0) this.#abort(step.pick % this.#exchanges.length)
        break
    }
    this.#compare(step)
  }

  /** Let everything end. */
  finish(): void {
    while (this.#bench.store.heldCount > 0 || this.#model.faultedNexuses.length > 0) {
      if (this.#bench.store.heldCount > 0) this.#release(0)
      else this.#clearAca(this.#model.faultedNexuses[0]!)
      this.#compare({ kind: 'release', pick: 0 })
    }
    const left = this.#exchanges.filter(({ end }) => end === 'none').length
    const { internalErrors, logicalUnit } = this.#bench
    if (left > 0 || logicalUnit.taskSet.size > 0) throw new Error(`${left} commands have not ended`)
    if (internalErrors.length > 0) throw internalErrors[0]
  }

  #send(index: number, attribute: Attribute): void {
    const block = this.#exchanges.length
    const dataOut = Buffer.alloc(512, block + 1)
    this.#exchanges.push(this.#initiators[index]!.send(blockCdb(0x2a, block, 1), { attribute, dataOut }))
    this.#model.arrive(index, attribute)
  }

  #clearAca(index: number): void {
    this.#bench.target.clearAca(this.#initiators[index]!.nexus, lunField(0), () => {})
    this.#model.clearAca(index)
  }

  #abort(index: number): void {
    this.#bench.target.abortTask(this.#exchanges[index]!.command, () => {})
    this.#model.abort(this.#model.commands[index]!)
  }

  #release(heldIndex: number): void {
    const started = this.#startedInStore()
    const released = this.#released
    const waiting = started.filter((index) => !released.includes(index))
    const index = waiting[heldIndex]!
    released.push(index)
    this.#bench.store.releaseAt(heldIndex)
    this.#model.workDone(this.#model.commands[index]!)
  }

  #startedInStore(): readonly number[] {
    return this.#bench.store.calls.map(({ offsetBytes }) => offsetBytes / 512)
  }

  #compare(step: Step): void {
    const started = this.#startedInStore()
    const actual = this.#exchanges.map((exchange, index) => `${started.includes(index)} ${endOf(exchange)}`)
    const expected = this.#model.commands.map(({ isStarted, end }: ModelCommand) => `${isStarted} ${end}`)
    const at = actual.findIndex((text, index) => text !== expected[index])
    if (at < 0) return
    throw new Error(`command ${at} after ${JSON.stringify(step)}: started and end ${actual[at]} is not ${expected[at]}`)
  }
}

function endOf({ end, command: { status } }: Exchange): End {
  if (end === 'none') return null
  return end === 'aborted' ? 'aborted' : STATUS_NAMES[status]!
}

describe.each([
  ['one task set for all nexuses (TST 000b)', false],
  ['a task set for each nexus (TST 001b)', true],
])('%s', (_name, isPerNexus) => {
  it('starts and ends commands as the model does, whatever is sent, aborted and released in whatever order', () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        const comparison = new Comparison(isPerNexus)
        for (const step of sequence) comparison.perform(step)
        comparison.finish()
      }),
      { numRuns: RUNS },
    )
  })
})
