import { describe, expect, it } from 'vitest'
import { STATUS } from '../../../scsi/command.ts'
import { disk, reach, run, senseText, start } from '../../support/information-commands.ts'

const TEST_UNIT_READY = '00 00 00 00 00 00'

describe('START STOP UNIT', () => {
  it.each([
    ['START', '1b 00 00 00 01 00'],
    ['START with IMMED', '1b 01 00 00 01 00'],
    ['a stop with NO_FLUSH', '1b 00 00 00 04 00'],
    ['ACTIVE', '1b 00 00 00 10 00'],
    ['ACTIVE, which ignores START and LOEJ', '1b 00 00 00 13 00'],
    ['LU_CONTROL', '1b 00 00 00 70 00'],
  ])('accepts %s without a flush', (_name, cdb) => {
    const { logicalUnit, store } = disk()
    const itlNexus = reach(logicalUnit)
    expect(run(itlNexus, cdb).status).toBe(STATUS.GOOD)
    expect(store.flushes).toEqual([])
    expect(run(itlNexus, TEST_UNIT_READY).status).toBe(STATUS.GOOD)
  })

  it.each([
    ['without', '1b 00 00 00 00 00'],
    ['with', '1b 01 00 00 00 00'],
  ])('flushes before a stop ends with GOOD, %s IMMED', (_name, cdb) => {
    const { logicalUnit, store } = disk()
    const itlNexus = reach(logicalUnit)
    const stop = start(itlNexus, cdb)
    expect(stop.outcome).toBeNull()
    expect(store.flushes.length).toBe(1)
    store.flushes[0]!(null)
    expect(stop.outcome?.status).toBe(STATUS.GOOD)
    expect(run(itlNexus, TEST_UNIT_READY).status).toBe(STATUS.GOOD)
  })

  it('reports a flush that failed', () => {
    const { logicalUnit, store } = disk()
    const stop = start(reach(logicalUnit), '1b 00 00 00 00 00')
    store.flushes[0]!({ kind: 'io', message: 'fdatasync: EIO' })
    expect(stop.outcome && senseText(stop.outcome)).toBe('03/0c/00')
  })

  it('has nothing to flush without a volatile cache', () => {
    const { logicalUnit, store } = disk({ capabilities: { volatileWriteCache: false } })
    expect(run(reach(logicalUnit), '1b 00 00 00 00 00').status).toBe(STATUS.GOOD)
    expect(store.flushes).toEqual([])
  })

  it.each([
    ['to eject a medium', '1b 00 00 00 02 00', '05/24/00 cdb[4].1'],
    ['to load a medium', '1b 00 00 00 03 00', '05/24/00 cdb[4].1'],
    ['IDLE', '1b 00 00 00 20 00', '05/24/00 cdb[4].7'],
    ['STANDBY', '1b 00 00 00 30 00', '05/24/00 cdb[4].7'],
    ['FORCE_IDLE_0', '1b 00 00 00 a0 00', '05/24/00 cdb[4].7'],
    ['FORCE_STANDBY_0', '1b 00 00 00 b0 00', '05/24/00 cdb[4].7'],
    ['a reserved power condition', '1b 00 00 00 f0 00', '05/24/00 cdb[4].7'],
    ['a POWER CONDITION MODIFIER', '1b 00 00 01 01 00', '05/24/00 cdb[3].3'],
  ])('refuses %s', (_name, cdb, sense) => {
    expect(senseText(run(reach(disk().logicalUnit), cdb))).toBe(sense)
  })
})
