import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { STATUS } from '../../../scsi/command.ts'
import { MemorySavedState } from '../../../scsi/saved-state.ts'
import { SENSE } from '../../../scsi/sense-codes.ts'
import { bytes } from '../../support/logical-unit-properties.ts'
import { blockCdb, TestInitiator, testBench } from '../../support/scsi-initiator.ts'

const PF = 0x10
const SP = 0x01

type Initiator = TestInitiator

function select6(initiator: Initiator, list: string, flags = PF) {
  const dataOut = bytes(list)
  return initiator.send([0x15, flags, 0, 0, dataOut.length, 0], { dataOut })
}

function select10(initiator: Initiator, list: string, flags = PF) {
  const dataOut = bytes(list)
  return initiator.send([0x55, flags, 0, 0, 0, 0, 0, dataOut.length >> 8, dataOut.length & 0xff, 0], { dataOut })
}

/** A page as MODE SENSE (6) returns it; `control` 0 current, 2 default, 3 saved. */
function sensePage(initiator: Initiator, pageCode: number, control = 0, subpageCode = 0): string {
  return initiator
    .send([0x1a, 0x08, (control << 6) | pageCode, subpageCode, 0xff, 0])
    .dataIn.subarray(4)
    .toString('hex')
}

const NO_DESCRIPTOR = '00 00 00 00'
const CACHING_OFF = `08 12 00${'00'.repeat(17)}`
const CACHING_ON = `08 12 04${'00'.repeat(17)}`
const control = (byte2: string, byte3: string, byte4: string) => `0a 0a ${byte2} ${byte3} ${byte4} 00 00 00 00 00 00 01`
const CONTROL_DEFAULT = control('02', '10', '00')

function twoInitiators() {
  const bench = testBench()
  return { ...bench, other: new TestInitiator(bench.target, 'b').clearUnitAttentions() }
}

describe('MODE SELECT', () => {
  it('(6) and (10) change a page, and MODE SENSE returns the new current values only', () => {
    for (const [select, header] of [
      [select6, NO_DESCRIPTOR],
      [select10, '00 00 00 00 00 00 00 00'],
    ] as const) {
      const { initiator } = testBench()
      expect(select(initiator, `${header} ${CACHING_OFF}`).status).toBe(STATUS.GOOD)
      expect(sensePage(initiator, 0x08).slice(0, 6)).toBe('881200')
      expect(sensePage(initiator, 0x08, 2).slice(0, 6)).toBe('881204')
      expect(sensePage(initiator, 0x08, 3).slice(0, 6)).toBe('881204')
    }
  })

  it('with an empty list does nothing', () => {
    const { initiator } = testBench()
    expect(select6(initiator, '').status).toBe(STATUS.GOOD)
    expect(select10(initiator, '').status).toBe(STATUS.GOOD)
  })

  it('takes back what MODE SENSE returned, all pages with the block descriptor', () => {
    const { initiator } = testBench()
    for (const [sense, select] of [
      [[0x1a, 0, 0x3f, 0xff, 0xff, 0], select6],
      [[0x5a, 0, 0x3f, 0xff, 0, 0, 0, 0x01, 0x00, 0], select10],
      [[0x5a, 0x10, 0x3f, 0xff, 0, 0, 0, 0x01, 0x00, 0], select10],
    ] as const) {
      const list = initiator.send(sense).dataIn.toString('hex')
      expect(select(initiator, list).status).toBe(STATUS.GOOD)
      expect(select(initiator, list, PF | SP).status).toBe(STATUS.GOOD)
    }
  })

  it('tells the other nexuses of a change, and of nothing else', () => {
    const { initiator, other } = twoInitiators()
    select6(initiator, `${NO_DESCRIPTOR} ${CACHING_ON}`)
    expect(other.send([0x00]).senseText).toBeNull()
    select6(initiator, `${NO_DESCRIPTOR} ${CACHING_OFF}`)
    expect(initiator.send([0x00]).senseText).toBeNull()
    expect(other.send([0x00]).senseText).toBe('6/2a/01')
    expect(other.send([0x00]).senseText).toBeNull()
  })

  it('flushes what is cached when the cache is turned off, and when the disk is write protected', () => {
    for (const page of [CACHING_OFF, control('02', '10', '08')]) {
      const { initiator, store } = testBench()
      select6(initiator, `${NO_DESCRIPTOR} ${page}`)
      expect(store.calls.map((call) => call.operation)).toEqual(['flush'])
    }
  })
})

describe('saved mode pages', () => {
  it('come back after a reset and a restart, others do not', () => {
    const savedState = new MemorySavedState()
    const { initiator } = testBench({ savedState })
    select6(initiator, `${NO_DESCRIPTOR} ${CACHING_OFF}`, PF | SP)
    select6(initiator, `${NO_DESCRIPTOR} ${control('06', '10', '00')}`)
    expect(sensePage(initiator, 0x08, 3).slice(0, 6)).toBe('881200')
    const restarted = testBench({ savedState }).initiator
    expect([sensePage(restarted, 0x08).slice(0, 6), sensePage(restarted, 0x0a).slice(0, 6)]).toEqual([
      '881200',
      '8a0a02',
    ])
    initiator.target.logicalUnitReset(initiator.nexus, Buffer.alloc(8), () => {})
    initiator.clearUnitAttentions()
    expect([sensePage(initiator, 0x08).slice(0, 6), sensePage(initiator, 0x0a).slice(0, 6)]).toEqual([
      '881200',
      '8a0a02',
    ])
  })

  it('that cannot be saved end the command with HARDWARE ERROR, and nothing has changed', () => {
    const savedState = {
      read: () => null,
      write: () => {
        throw new Error('disk full')
      },
    }
    const { initiator, internalErrors } = testBench({ savedState })
    expect(select6(initiator, `${NO_DESCRIPTOR} ${CACHING_OFF}`, PF | SP).senseText).toBe('4/44/00')
    expect(internalErrors.length).toBe(1)
    expect(sensePage(initiator, 0x08).slice(0, 6)).toBe('881204')
  })

  it('survive whatever was saved before', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (stored) => {
        const savedState = new MemorySavedState()
        savedState.write('modePages', Buffer.from(stored))
        const { initiator } = testBench({ savedState })
        const list = initiator.send([0x1a, 0, 0x3f, 0xff, 0xff, 0]).dataIn.toString('hex')
        expect(initiator.send([0x1a, 0, 0x7f, 0xff, 0xff, 0]).dataIn.length).toBe(list.length / 2)
        expect(select6(initiator, list).status).toBe(STATUS.GOOD)
      }),
      { numRuns: 50 },
    )
  })
})

describe('a refused MODE SELECT', () => {
  const long = (pages: string) => `00 00 00 08 00000800 00 000200 ${pages}`

  it.each([
    ['a MEDIUM TYPE', '00 01 00 00', '5/26/00', '1'],
    ['another block descriptor length', '00 00 00 07 00000000000000', '5/26/00', '3'],
    ['another number of blocks', '00 00 00 08 00000801 00 000200', '5/26/00', '4'],
    ['another block length', '00 00 00 08 00000800 00 001000', '5/26/00', '9'],
    ['a header cut short', '00 00 00', '5/1a/00', null],
    ['a block descriptor cut short', '00 00 00 08 00000800', '5/1a/00', null],
    ['a page header cut short', `${NO_DESCRIPTOR} 08`, '5/1a/00', null],
    ['a page cut short', `${NO_DESCRIPTOR} 08 12 00 00`, '5/1a/00', null],
    ['an unknown page', `${NO_DESCRIPTOR} 03 02 00 00`, '5/26/00', '4.5'],
    ['an unknown page behind a descriptor', long('03 02 00 00'), '5/26/00', '12.5'],
    ['an unknown subpage', `${NO_DESCRIPTOR} 4a 05 00 04 00000000`, '5/26/00', '5'],
    [
      'the sub_page format for a page without subpages',
      `${NO_DESCRIPTOR} 48 00 00 10 ${'00'.repeat(16)}`,
      '5/26/00',
      '5',
    ],
    ['another PAGE LENGTH', `${NO_DESCRIPTOR} 08 0a 00 00 00 00 00 00 00 00 00 00`, '5/26/00', '5'],
    ['another PAGE LENGTH of a subpage', `${NO_DESCRIPTOR} 4a 01 00 04 00000000`, '5/26/00', '6'],
    ['a reserved bit', `${NO_DESCRIPTOR} 08 12 05${'00'.repeat(17)}`, '5/26/00', '6.0'],
    ['a field that is not changeable', `${NO_DESCRIPTOR} ${control('00', '10', '00')}`, '5/26/00', '6.1'],
    [
      'the field that a bit in its middle belongs to',
      `${NO_DESCRIPTOR} ${control('02', '50', '00')}`,
      '5/26/00',
      '7.7',
    ],
    ['another self-test time', `${NO_DESCRIPTOR} 0a 0a 02 10 00 00 00 00 00 00 00 02`, '5/26/00', '14'],
    ['a reserved TST', `${NO_DESCRIPTOR} ${control('42', '10', '00')}`, '5/26/00', '6.7'],
    ['a reserved QERR', `${NO_DESCRIPTOR} ${control('02', '14', '00')}`, '5/26/00', '7.2'],
    ['a reserved UA_INTLCK_CTRL', `${NO_DESCRIPTOR} ${control('02', '10', '10')}`, '5/26/00', '8.5'],
  ])('names %s', (_name, list, sense, pointer) => {
    const { initiator } = testBench()
    const exchange = select6(initiator, list)
    expect([exchange.senseText, exchange.pointedAtInList]).toEqual([sense, pointer])
  })

  it('changes nothing, even where an earlier page was right', () => {
    const { initiator, other } = twoInitiators()
    expect(select6(initiator, `${NO_DESCRIPTOR} ${CACHING_OFF} ${control('00', '10', '00')}`).senseText).toBe('5/26/00')
    expect(sensePage(initiator, 0x08).slice(0, 6)).toBe('881204')
    expect(other.send([0x00]).senseText).toBeNull()
  })

  it('points at PF when there are pages without it, which it lets be when there are none', () => {
    const { initiator } = testBench()
    expect(select6(initiator, NO_DESCRIPTOR, 0).status).toBe(STATUS.GOOD)
    const exchange = select6(initiator, `${NO_DESCRIPTOR} ${CACHING_OFF}`, 0)
    expect([exchange.senseText, exchange.pointedAt]).toEqual(['5/24/00', '1.4'])
  })

  it('comes of less data than the CDB announces', () => {
    const { initiator } = testBench()
    const exchange = initiator.send([0x15, PF, 0, 0, 24, 0], { dataOut: bytes(NO_DESCRIPTOR) })
    expect(exchange.senseText).toBe('5/1a/00')
  })

  it('checks the long block descriptor of (10)', () => {
    const { initiator } = testBench()
    const select = (descriptor: string) => select10(initiator, `0000 00 00 01 00 0010 ${descriptor}`)
    expect(select('0000000000000800 00000000 00000200').status).toBe(STATUS.GOOD)
    expect(select('ffffffffffffffff 00000000 00000200').status).toBe(STATUS.GOOD)
    expect(select('0000000000000801 00000000 00000200').pointedAtInList).toBe('8')
    expect(select('0000000000000000 00000000 00001000').pointedAtInList).toBe('20')
  })
})

describe('what the settings do', () => {
  const BLOCK = Buffer.alloc(512, 0x5a)

  it('WCE zero makes every write durable before its status', () => {
    const { initiator, store } = testBench()
    select6(initiator, `${NO_DESCRIPTOR} ${CACHING_OFF}`)
    const writes = [
      [blockCdb(0x2a, 0, 1), BLOCK],
      [blockCdb(0x8a, 0, 1), BLOCK],
      [blockCdb(0x2e, 0, 1), BLOCK],
      [blockCdb(0x41, 0, 4), Buffer.alloc(512)],
    ] as const
    for (const [cdb, dataOut] of writes) {
      store.calls.length = 0
      expect(initiator.send(cdb, { dataOut }).status).toBe(STATUS.GOOD)
      const last = store.calls.findLast((call) => call.operation === 'flush' || call.forceUnitAccess)
      expect(last).toBeDefined()
    }
  })

  it('WCE zero leaves the status of a write waiting for its flush, and reports that one failing', () => {
    const { initiator, store } = testBench()
    select6(initiator, `${NO_DESCRIPTOR} ${CACHING_OFF}`)
    store.isManual = true
    const write = initiator.send(blockCdb(0x2a, 0, 1), { dataOut: BLOCK })
    store.release()
    expect(write.end).toBe('none')
    store.failNext('io')
    store.release()
    expect(write.end).toBe('completed')
  })

  it('SWP refuses writes, sets WP, lets reads go on, and goes away again', () => {
    const { initiator } = testBench()
    select6(initiator, `${NO_DESCRIPTOR} ${control('02', '10', '08')}`)
    expect(initiator.send(blockCdb(0x2a, 0, 1), { dataOut: BLOCK }).senseText).toBe('7/27/00')
    expect(initiator.send(blockCdb(0x28, 0, 1)).status).toBe(STATUS.GOOD)
    expect(initiator.send([0x1a, 0x08, 0x08, 0, 0xff, 0]).dataIn[2]).toBe(0x90)
    select6(initiator, `${NO_DESCRIPTOR} ${CONTROL_DEFAULT}`)
    expect(initiator.send(blockCdb(0x2a, 0, 1), { dataOut: BLOCK }).status).toBe(STATUS.GOOD)
  })

  it('D_SENSE gives sense data of CHECK CONDITION in descriptor format', () => {
    const { initiator } = testBench()
    select6(initiator, `${NO_DESCRIPTOR} ${control('06', '10', '00')}`)
    const { sense } = initiator.send(blockCdb(0x28, 2048, 1)).command
    expect(sense?.subarray(0, 4)).toEqual(bytes('72 05 21 00'))
  })

  it('UA_INTLCK_CTRL 10b keeps unit attentions until REQUEST SENSE', () => {
    const { initiator, logicalUnit } = testBench()
    select6(initiator, `${NO_DESCRIPTOR} ${control('02', '10', '20')}`)
    logicalUnit.establishUnitAttention(SENSE.CAPACITY_DATA_HAS_CHANGED)
    expect(initiator.send([0x00]).senseText).toBe('6/2a/09')
    expect(initiator.send([0x00]).senseText).toBe('6/2a/09')
    expect(initiator.send([0x03, 0, 0, 0, 18, 0]).dataIn[12]).toBe(0x2a)
    expect(initiator.send([0x00]).status).toBe(STATUS.GOOD)
  })

  it('UA_INTLCK_CTRL 11b tells of a RESERVATION CONFLICT', () => {
    const { initiator, other } = twoInitiators()
    select6(initiator, `${NO_DESCRIPTOR} ${control('02', '10', '30')}`)
    other.send([0x03, 0, 0, 0, 18, 0])
    initiator.send([0x16])
    expect(other.send([0x00]).status).toBe(STATUS.RESERVATION_CONFLICT)
    expect(other.send([0x03, 0, 0, 0, 18, 0]).dataIn.subarray(12, 14)).toEqual(bytes('2c 09'))
  })
})

describe('QERR', () => {
  function withRunningReads(qerr: string, tst = '02') {
    const { initiator, other, store } = twoInitiators()
    select6(initiator, `${NO_DESCRIPTOR} ${control(tst, qerr, '00')}`)
    other.clearUnitAttentions()
    store.isManual = true
    const own = initiator.send(blockCdb(0x28, 0, 1))
    const others = other.send(blockCdb(0x28, 1, 1))
    initiator.send(blockCdb(0x28, 4096, 1))
    while (store.heldCount > 0) store.release()
    return { ends: [own.end, others.end], told: other.send([0x00]).senseText }
  }

  it.each([
    ['00b leaves the others alone', '10', '02', ['completed', 'completed'], null],
    ['01b aborts those of all nexuses, which are told', '12', '02', ['aborted', 'aborted'], '6/2f/00'],
    ['01b aborts those of the same nexus where each has a task set', '12', '22', ['aborted', 'completed'], null],
    ['11b aborts those of the same nexus', '16', '02', ['aborted', 'completed'], null],
  ] as const)('%s', (_name, qerr, tst, ends, told) => {
    expect(withRunningReads(qerr, tst)).toEqual({ ends, told })
  })
})
