import { describe, expect, it } from 'vitest'
import { type Command, TASK_ATTRIBUTE } from '../../../scsi/command.ts'
import type { TaskManagementOutcome } from '../../../scsi/target.ts'
import { blockCdb, lunField, TestInitiator, testBench } from '../../support/scsi-initiator.ts'

const LUN_0 = lunField(0)
const WRITE_10 = 0x2a
const READ_10 = 0x28

function recorder() {
  const outcomes: TaskManagementOutcome[] = []
  return { outcomes, done: (outcome: TaskManagementOutcome) => outcomes.push(outcome) }
}

function twoInitiators() {
  const bench = testBench()
  const other = new TestInitiator(bench.target, 'b').clearUnitAttentions()
  bench.store.isManual = true
  return { ...bench, other, ...recorder() }
}

function writeTo(initiator: TestInitiator, lba: number, fill: number) {
  return initiator.send(blockCdb(WRITE_10, lba, 1), { dataOut: Buffer.alloc(512, fill) })
}

describe('ABORT TASK', () => {
  it('completes only when the backing I/O has come to rest, and nothing reaches the initiator', () => {
    const { initiator, target, store, outcomes, done } = twoInitiators()
    const exchange = writeTo(initiator, 0, 1)
    target.abortTask(exchange.command, done)
    expect([exchange.end, outcomes]).toEqual(['none', []])
    store.release()
    expect([exchange.end, outcomes]).toEqual(['aborted', ['functionComplete']])
  })

  it('ends a write that waits for Data-Out at once and drops what still comes', () => {
    const { initiator, target, store, outcomes, done } = twoInitiators()
    const options = { dataOut: Buffer.alloc(1024, 1), isDataOutManual: true, isLateDataSent: true }
    const exchange = initiator.send(blockCdb(WRITE_10, 0, 2), options)
    target.abortTask(exchange.command, done)
    expect([exchange.end, outcomes]).toEqual(['aborted', ['functionComplete']])
    exchange.giveDataOut(1024)
    expect(store.calls).toEqual([])
  })

  it('waits for the pieces in flight of a write whose other pieces have not come', () => {
    const { initiator, target, store, outcomes, done } = twoInitiators()
    const options = { dataOut: Buffer.alloc(1024, 1), isDataOutManual: true, isLateDataSent: true }
    const exchange = initiator.send(blockCdb(WRITE_10, 0, 2), options)
    exchange.giveDataOut(512)
    target.abortTask(exchange.command, done)
    exchange.giveDataOut(512)
    expect([exchange.end, store.calls.length]).toEqual(['none', 1])
    store.release()
    expect([exchange.end, outcomes, exchange.consumedBytes]).toEqual(['aborted', ['functionComplete'], 0])
  })

  it('ends a read that waits for the transport at once, and ignores a late delivery', () => {
    const { initiator, target, store, outcomes, done } = twoInitiators()
    const exchange = initiator.send(blockCdb(READ_10, 0, 1000), { dataInCapacityBytes: 512000, isDeliveryManual: true })
    store.release()
    target.abortTask(exchange.command, done)
    expect([exchange.end, outcomes]).toEqual(['aborted', ['functionComplete']])
    exchange.deliver()
    expect(store.countOf('readv')).toBe(1)
  })

  it('sends no data of a read whose backing read completes afterwards', () => {
    const { initiator, target, store, done } = twoInitiators()
    const exchange = initiator.send(blockCdb(READ_10, 0, 1), { dataInCapacityBytes: 512 })
    target.abortTask(exchange.command, done)
    store.release()
    expect([exchange.end, exchange.dataIn.length]).toEqual(['aborted', 0])
  })

  it('ends a dormant command without running it', () => {
    const { initiator, target, store, outcomes, done } = twoInitiators()
    writeTo(initiator, 0, 1)
    const dormant = initiator.send(blockCdb(WRITE_10, 1, 1), {
      dataOut: Buffer.alloc(512),
      attribute: TASK_ATTRIBUTE.ORDERED,
    })
    const younger = writeTo(initiator, 2, 2)
    target.abortTask(dormant.command, done)
    expect([dormant.end, outcomes]).toEqual(['aborted', ['functionComplete']])
    store.release()
    expect(younger.status).toBe(0)
    expect(store.calls.map((call) => call.offsetBytes)).toEqual([0, 1024])
  })

  it('of a command that has ended, or that fails while it winds down, completes', () => {
    const { initiator, target, store, outcomes, done } = twoInitiators()
    const ended = initiator.send([0x00])
    target.abortTask(ended.command, done)
    expect([ended.end, outcomes]).toEqual(['completed', ['functionComplete']])
    const failing = writeTo(initiator, 0, 1)
    target.abortTask(failing.command, done)
    store.releaseWithError('io')
    expect([failing.end, outcomes.length]).toEqual(['aborted', 2])
  })

  it('twice completes twice, both when the command has come to rest', () => {
    const { initiator, target, store, outcomes, done } = twoInitiators()
    const exchange = writeTo(initiator, 0, 1)
    target.abortTask(exchange.command, done)
    target.abortTask(exchange.command, done)
    expect(outcomes).toEqual([])
    store.release()
    expect(outcomes).toEqual(['functionComplete', 'functionComplete'])
  })

  it('lets an ORDERED command run only after the aborted one has come to rest', () => {
    const { initiator, target, store, done } = twoInitiators()
    const aborted = writeTo(initiator, 0, 1)
    const ordered = initiator.send(blockCdb(WRITE_10, 0, 1), {
      dataOut: Buffer.alloc(512, 2),
      attribute: TASK_ATTRIBUTE.ORDERED,
    })
    target.abortTask(aborted.command, done)
    expect(store.countOf('writev')).toBe(1)
    store.release()
    store.release()
    expect(ordered.status).toBe(0)
    expect(store.bytes[0]).toBe(2)
  })
})

describe('ABORT TASK SET and CLEAR TASK SET', () => {
  it('ABORT TASK SET takes the commands of its nexus only, and tells nobody', () => {
    const { initiator, other, target, store, outcomes, done } = twoInitiators()
    const [mine, others] = [writeTo(initiator, 0, 1), writeTo(other, 1, 1)]
    target.abortTaskSet(initiator.nexus, LUN_0, done)
    expect(outcomes).toEqual([])
    store.release()
    expect([mine.end, others.end, outcomes]).toEqual(['aborted', 'completed', ['functionComplete']])
    expect(initiator.send([0x00]).status).toBe(0)
    expect(other.send([0x00]).status).toBe(0)
  })

  it('CLEAR TASK SET takes all, and tells the others that lost commands', () => {
    const { initiator, other, target, store, outcomes, done } = twoInitiators()
    const idle = new TestInitiator(target, 'c').clearUnitAttentions()
    const exchanges = [writeTo(initiator, 0, 1), writeTo(other, 1, 1), writeTo(other, 2, 1)]
    target.clearTaskSet(initiator.nexus, LUN_0, done)
    store.release()
    expect(exchanges.map((exchange) => exchange.end)).toEqual(['aborted', 'aborted', 'aborted'])
    expect(outcomes).toEqual(['functionComplete'])
    expect(initiator.send([0x00]).status).toBe(0)
    expect(idle.send([0x00]).status).toBe(0)
    expect(other.send([0x00]).senseText).toBe('6/2f/00')
    expect(other.send([0x00]).status).toBe(0)
  })

  it('complete at once where nothing runs', () => {
    const { initiator, target, outcomes, done } = twoInitiators()
    target.abortTaskSet(initiator.nexus, LUN_0, done)
    target.clearTaskSet(initiator.nexus, LUN_0, done)
    expect(outcomes).toEqual(['functionComplete', 'functionComplete'])
  })
})

describe('functions that cover part of the commands of their nexus', () => {
  it.each(['abortTaskSet', 'clearTaskSet'] as const)('%s leaves the rest alone, and that of nobody else', (name) => {
    const { initiator, other, target, store, outcomes, done } = twoInitiators()
    const [covered, kept] = [writeTo(initiator, 0, 1), writeTo(initiator, 1, 1)]
    const others = writeTo(other, 2, 1)
    target[name](initiator.nexus, LUN_0, done, (command) => command === covered.command)
    store.release()
    const endOfOthers = name === 'abortTaskSet' ? 'completed' : 'aborted'
    expect([covered.end, kept.end, others.end]).toEqual(['aborted', 'completed', endOfOthers])
    expect(outcomes).toEqual(['functionComplete'])
  })

  it('abortNexus takes the commands of the nexus on every logical unit, and no others', () => {
    const { initiator, other, target, store, outcomes, done } = twoInitiators()
    const [mine, others] = [writeTo(initiator, 0, 1), writeTo(other, 1, 1)]
    target.abortNexus(initiator.nexus, done)
    expect(outcomes).toEqual([])
    store.release()
    expect([mine.end, others.end, outcomes]).toEqual(['aborted', 'completed', ['functionComplete']])
  })
})

describe('the transports of nexuses that lose commands', () => {
  it.each(['clearTaskSet', 'logicalUnitReset', 'targetReset', 'powerOn'] as const)(
    'are told before %s ends the first of them',
    (name) => {
      const { initiator, target, store, done } = twoInitiators()
      const told: string[] = []
      const observer = (whose: string) => ({
        commandsClearedByAnother: (commands: readonly Command[]) => {
          told.push(`${whose} ${commands.length} ${commands.some(({ isAborted }) => isAborted)}`)
        },
      })
      const loser = new TestInitiator(target, 'loser', observer('loser')).clearUnitAttentions()
      new TestInitiator(target, 'idle', observer('idle'))
      const issuer = new TestInitiator(target, 'issuer', observer('issuer')).clearUnitAttentions()
      store.isManual = true
      for (const one of [loser, loser, issuer, initiator]) writeTo(one, 0, 1)
      if (name === 'targetReset' || name === 'powerOn') target[name](issuer.nexus, done)
      else target[name](issuer.nexus, LUN_0, done)
      store.release()
      expect(told).toEqual(['loser 2 false'])
    },
  )

  it('are not told of ABORT TASK SET, nor of the loss of a nexus', () => {
    const { initiator, target, store, done } = twoInitiators()
    let toldCount = 0
    const loser = new TestInitiator(target, 'loser', { commandsClearedByAnother: () => toldCount++ })
    writeTo(loser.clearUnitAttentions(), 0, 1)
    writeTo(initiator, 1, 1)
    target.abortTaskSet(initiator.nexus, LUN_0, done)
    target.closeNexus(initiator.nexus, () => {})
    store.release()
    expect(toldCount).toBe(0)
  })
})

describe('commands that the transport ended by itself', () => {
  it('[SESS-23] are told of on each of their logical units, once, and only to their nexus', () => {
    const { initiator, other, target } = twoInitiators()
    target.commandsTerminated(initiator.nexus, [LUN_0, lunField(9), LUN_0])
    expect(initiator.send([0x00]).senseText).toBe('6/47/7f')
    expect(initiator.send([0x00]).status).toBe(0)
    expect(other.send([0x00]).status).toBe(0)
  })

  it('are not told of to a nexus that is gone', () => {
    const { initiator, target } = twoInitiators()
    target.closeNexus(initiator.nexus, () => {})
    target.commandsTerminated(initiator.nexus, [LUN_0])
    expect(new TestInitiator(target).send([0x00]).senseText).toBe('6/29/07')
  })
})

describe('QUERY ASYNCHRONOUS EVENT', () => {
  it('gives the first unit attention and whether there are more, and takes none', () => {
    const { initiator, target } = twoInitiators()
    const answers: unknown[] = []
    const query = () =>
      target.queryAsynchronousEvent(initiator.nexus, LUN_0, (outcome, additional) =>
        answers.push([outcome, additional?.toString('hex')]),
      )
    query()
    target.commandsTerminated(initiator.nexus, [LUN_0])
    query()
    target.logicalUnitReset(initiator.nexus, LUN_0, () => {})
    query()
    expect(answers).toEqual([
      ['functionComplete', undefined],
      ['functionSucceeded', '16477f'],
      ['functionSucceeded', '162903'],
    ])
    expect(initiator.send([0x00]).senseText).toBe('6/29/03')
  })
})

describe('resets', () => {
  it('[TMF-18] end the reservation, and both initiators hear of it', () => {
    for (const name of ['logicalUnitReset', 'targetReset', 'powerOn'] as const) {
      const { initiator, other, target, done } = twoInitiators()
      initiator.send([0x16])
      expect(other.send([0x00]).status).toBe(0x18)
      if (name === 'logicalUnitReset') target.logicalUnitReset(other.nexus, LUN_0, done)
      else target[name](other.nexus, done)
      const heard = name === 'powerOn' ? '6/29/00' : '6/29/03'
      expect([initiator.send([0x00]).senseText, other.send([0x00]).senseText]).toEqual([heard, heard])
      expect(other.send([0x16]).status).toBe(0)
    }
  })

  it('a power on is what every initiator port hears that comes back', () => {
    const { initiator, other, target, done } = twoInitiators()
    target.closeNexus(other.nexus, () => {})
    target.powerOn(initiator.nexus, done)
    target.closeNexus(initiator.nexus, () => {})
    expect(new TestInitiator(target).send([0x00]).senseText).toBe('6/29/00')
    expect(new TestInitiator(target, 'b').send([0x00]).senseText).toBe('6/29/00')
  })

  it('[SN-21] ask for a fence with the unit attention that they leave, and with no other', () => {
    const { initiator, other, target, store, done } = twoInitiators()
    store.isManual = false
    target.logicalUnitReset(initiator.nexus, LUN_0, done)
    expect(initiator.send([0x00]).command.needsFence).toBe(true)
    expect(initiator.send([0x00]).command.needsFence).toBe(false)
    expect(other.send([0x03, 0, 0, 0, 252]).command.needsFence).toBe(true)
    expect(new TestInitiator(target, 'new').send([0x00]).command.needsFence).toBe(false)
  })

  it('LOGICAL UNIT RESET takes all commands and tells every nexus', () => {
    const { initiator, other, target, store, outcomes, done } = twoInitiators()
    const exchanges = [writeTo(initiator, 0, 1), writeTo(other, 1, 1)]
    target.logicalUnitReset(initiator.nexus, LUN_0, done)
    expect(outcomes).toEqual([])
    store.release()
    expect(exchanges.map((exchange) => exchange.end)).toEqual(['aborted', 'aborted'])
    expect(outcomes).toEqual(['functionComplete'])
    for (const one of [initiator, other]) {
      expect(one.send([0x00]).senseText).toBe('6/29/03')
      expect(one.send([0x00]).status).toBe(0)
    }
  })

  it('a target reset resets every logical unit', () => {
    const { initiator, target, store, outcomes, done } = twoInitiators()
    const exchange = writeTo(initiator, 0, 1)
    target.targetReset(initiator.nexus, done)
    expect(outcomes).toEqual([])
    store.release()
    expect([exchange.end, outcomes]).toEqual(['aborted', ['functionComplete']])
    expect(initiator.send([0x00]).senseText).toBe('6/29/03')
  })
})

describe('task management that cannot be done', () => {
  it('names a LUN where nothing is mapped', () => {
    const { initiator, target, outcomes, done } = twoInitiators()
    for (const lun of [lunField(9), Buffer.alloc(8, 0xff)]) {
      target.abortTaskSet(initiator.nexus, lun, done)
      target.clearTaskSet(initiator.nexus, lun, done)
      target.logicalUnitReset(initiator.nexus, lun, done)
    }
    expect(outcomes).toEqual(Array(6).fill('incorrectLogicalUnitNumber'))
  })

  it('comes on a nexus that is closed', () => {
    const { initiator, target, outcomes, done } = twoInitiators()
    target.closeNexus(initiator.nexus, () => {})
    target.logicalUnitReset(initiator.nexus, LUN_0, done)
    target.targetReset(initiator.nexus, done)
    expect(outcomes).toEqual(['functionRejected', 'functionRejected'])
  })
})
