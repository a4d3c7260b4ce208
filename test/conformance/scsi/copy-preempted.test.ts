/**
 * PREEMPT AND ABORT (SPC-4 5.13.11.2.6) of a nexus that copies, on each disk that the nexus copies with: it ends the copy,
 * also in the background, comes back when nothing of it is in flight, and nothing is written afterwards. Copies of others
 * go on.
 */

import { describe, expect, it } from 'vitest'
import { STATUS } from '../../../scsi/command.ts'
import { OUT, reserveOut, TYPE } from '../../support/persistent-reserve.ts'
import { type Exchange, TestInitiator } from '../../support/scsi-initiator.ts'
import {
  blockSegment,
  type CopyBench,
  copyBench,
  createToken,
  cscd,
  lid1List,
  lid4List,
  receive,
  sendList,
  writeUsingTokenList,
} from '../../support/third-party-copy.ts'

const LIST_IDENTIFIER = 9
/** Several pieces of the copy manager. */
const BLOCKS = 8192
const [KEY_OF_COPIER, KEY_OF_PREEMPTOR] = [1n, 2n]
const { WRITE_EXCLUSIVE_REGISTRANTS_ONLY: TYPE_WHEN_PREEMPTED } = TYPE

interface Copier {
  readonly name: string
  readonly isImmediate: boolean
  /** The LUN that the command goes to. */
  readonly lun: number
  /** Those that the nexus copies with. What a token represents is read for whoever shows it, through no nexus. */
  readonly luns: readonly number[]
  readonly start: (initiator: TestInitiator) => Exchange
}

const cscds = [cscd(0), cscd(1)]
const segments = [blockSegment({ blocks: BLOCKS })]

function writingToken(isImmediate: boolean): Copier['start'] {
  return (initiator) => {
    const token = createToken(initiator, 0, [[0, BLOCKS]])
    const list = writeUsingTokenList(token, [[0, BLOCKS]], { isImmediate })
    return sendList(initiator, 0x11, list, { lun: 1, listIdentifier: LIST_IDENTIFIER })
  }
}

const COPIERS: readonly Copier[] = [
  {
    name: 'EXTENDED COPY (LID1)',
    isImmediate: false,
    lun: 0,
    luns: [0, 1],
    start: (initiator) => sendList(initiator, 0x00, lid1List(cscds, segments, { listIdentifier: LIST_IDENTIFIER })),
  },
  {
    name: 'EXTENDED COPY (LID4) in the background',
    isImmediate: true,
    lun: 0,
    luns: [0, 1],
    start: (initiator) => {
      const header = { listIdentifier: LIST_IDENTIFIER, isImmediate: true }
      return sendList(initiator, 0x01, lid4List(cscds, segments, header))
    },
  },
  { name: 'WRITE USING TOKEN', isImmediate: false, lun: 1, luns: [1], start: writingToken(false) },
  { name: 'WRITE USING TOKEN in the background', isImmediate: true, lun: 1, luns: [1], start: writingToken(true) },
]

/** Two disks on which a copier is registered, and somebody who preempts it. */
function registered() {
  const bench = copyBench([{ blockCount: 16384 }, { blockCount: 16384 }])
  const preemptor = new TestInitiator(bench.target, 'b').clearUnitAttentions(0, 1)
  for (const lun of [0, 1]) {
    reserveOut(bench.initiator, OUT.REGISTER, { actionKey: KEY_OF_COPIER }, { lun })
    reserveOut(preemptor, OUT.REGISTER, { actionKey: KEY_OF_PREEMPTOR }, { lun })
    const fields = { key: KEY_OF_PREEMPTOR, type: TYPE_WHEN_PREEMPTED }
    expect(reserveOut(preemptor, OUT.RESERVE, fields, { lun }).status).toBe(STATUS.GOOD)
  }
  return { ...bench, preemptor }
}

function preempt(preemptor: TestInitiator, lun: number): Exchange {
  const fields = { key: KEY_OF_PREEMPTOR, actionKey: KEY_OF_COPIER, type: TYPE_WHEN_PREEMPTED }
  return reserveOut(preemptor, OUT.PREEMPT_AND_ABORT, fields, { lun })
}

const writes = ({ stores }: CopyBench) => stores[1]!.calls.filter(({ operation }) => operation.startsWith('write'))

const CASES = COPIERS.flatMap((copier) => copier.luns.map((lun) => [copier.name, lun, copier] as const))

describe.each(CASES)('%s, preempted on LUN %i', (_name, lun, copier) => {
  it('ends, and writes nothing afterwards', () => {
    const bench = registered()
    const { initiator, preemptor, stores } = bench
    stores[0]!.isManual = true
    const exchange = copier.start(initiator)
    expect([exchange.end, stores[0]!.heldCount > 0]).toEqual([copier.isImmediate ? 'completed' : 'none', true])
    const preemption = preempt(preemptor, lun)
    expect(preemption.end).toBe('none')
    while (stores[0]!.heldCount > 0) stores[0]!.release()
    expect(preemption.status).toBe(STATUS.GOOD)
    expect(writes(bench)).toEqual([])
    if (!copier.isImmediate && copier.lun === lun) expect(exchange.end).toBe('aborted')
    else if (!copier.isImmediate) expect([exchange.status, exchange.senseText]).toEqual([2, 'a/00/06'])
  })

  it('leaves no copy running that its initiator could ask for', () => {
    const { initiator, preemptor, stores } = registered()
    stores[0]!.isManual = true
    copier.start(initiator)
    preempt(preemptor, lun)
    while (stores[0]!.heldCount > 0) stores[0]!.release()
    initiator.clearUnitAttentions(0, 1)
    const serviceAction = copier.name.includes('LID1') ? 0x00 : 0x05
    const { dataIn } = receive(initiator, serviceAction, LIST_IDENTIFIER, { lun: copier.lun })
    const isRunning = serviceAction === 0x00 ? dataIn[4] === 0x00 : (dataIn[5]! & 0x7f) >= 0x10 && dataIn[5]! < 0x20
    expect(isRunning).toBe(false)
  })
})

it('a token is written on when the nexus is preempted on the disk that it was made of', () => {
  const { initiator, preemptor, stores } = registered()
  stores[0]!.isManual = true
  const exchange = writingToken(false)(initiator)
  expect(preempt(preemptor, 0).status).toBe(STATUS.GOOD)
  while (stores[0]!.heldCount > 0) stores[0]!.release()
  expect(exchange.status).toBe(STATUS.GOOD)
})

it('a copy of another nexus goes on', () => {
  const { initiator, preemptor, stores, target } = registered()
  const third = new TestInitiator(target, 'c').clearUnitAttentions(0, 1)
  for (const lun of [0, 1]) reserveOut(third, OUT.REGISTER, { actionKey: 3n }, { lun })
  stores[0]!.isManual = true
  const copy = COPIERS[0]!.start(third)
  expect(initiator.send([0x00]).status).toBe(STATUS.GOOD)
  expect(preempt(preemptor, 1).status).toBe(STATUS.GOOD)
  while (stores[0]!.heldCount > 0) stores[0]!.release()
  expect(copy.status).toBe(STATUS.GOOD)
  expect(stores[1]!.bytes.subarray(0, BLOCKS * 512).equals(stores[0]!.bytes.subarray(0, BLOCKS * 512))).toBe(true)
})
