import { describe, expect, it } from 'vitest'
import { STATUS } from '../../../scsi/command.ts'
import { dataOf, disk, reach, run, senseText, start } from '../../support/information-commands.ts'

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
    ['an idle condition that does not exist', '1b 00 00 03 20 00', '05/24/00 cdb[3].3'],
    ['a standby condition that does not exist', '1b 00 00 02 30 00', '05/24/00 cdb[3].3'],
    ['ACTIVE with a POWER CONDITION MODIFIER', '1b 00 00 01 10 00', '05/24/00 cdb[3].3'],
    ['a reserved power condition', '1b 00 00 00 f0 00', '05/24/00 cdb[4].7'],
    ['a POWER CONDITION MODIFIER', '1b 00 00 01 01 00', '05/24/00 cdb[3].3'],
  ])('refuses %s', (_name, cdb, sense) => {
    expect(senseText(run(reach(disk().logicalUnit), cdb))).toBe(sense)
  })

  it.each([
    ['IDLE', '1b 00 00 00 24 00', 0x03],
    ['IDLE_B', '1b 00 00 01 24 00', 0x06],
    ['IDLE_C', '1b 00 00 02 24 00', 0x08],
    ['STANDBY', '1b 00 00 00 34 00', 0x04],
    ['STANDBY_Y', '1b 00 00 01 34 00', 0x0a],
    ['FORCE_IDLE_0', '1b 00 00 01 a4 00', 0x06],
    ['FORCE_STANDBY_0', '1b 00 00 01 b4 00', 0x0a],
  ])('%s is what REQUEST SENSE reports', (_name, cdb, ascq) => {
    const itlNexus = reach(disk().logicalUnit)
    expect(run(itlNexus, cdb).status).toBe(STATUS.GOOD)
    expect(run(itlNexus, TEST_UNIT_READY).status).toBe(STATUS.GOOD)
    const sense = dataOf(run(itlNexus, '03 00 00 00 12 00'))
    expect([sense[2], sense[12], sense[13]]).toEqual([0, 0x5e, ascq])
  })

  it('enters no standby before the cache is flushed, unless NO_FLUSH says so', () => {
    const { logicalUnit, store } = disk()
    const standby = start(reach(logicalUnit), '1b 00 00 00 30 00')
    expect(standby.outcome).toBeNull()
    store.flushes[0]!(null)
    expect(standby.outcome?.status).toBe(STATUS.GOOD)
  })

  it.each([
    ['a command for the medium', '35 00 00 00 00 00 00 00 00 00'],
    ['START', '1b 00 00 00 01 00'],
    ['ACTIVE', '1b 00 00 00 10 00'],
    ['LU_CONTROL', '1b 00 00 00 70 00'],
  ])('%s ends a power condition', (_name, cdb) => {
    const { logicalUnit } = disk({ capabilities: { volatileWriteCache: false } })
    const itlNexus = reach(logicalUnit)
    run(itlNexus, '1b 00 00 00 30 00')
    expect(run(itlNexus, cdb).status).toBe(STATUS.GOOD)
    expect(dataOf(run(itlNexus, '03 00 00 00 12 00'))[12]).toBe(0)
  })
})
