import { describe, expect, it } from 'vitest'
import type { AccessState } from '../../../scsi/access-states.ts'
import { COMMAND_SETS } from '../../../scsi/command-table.ts'
import { blockCdb, emptyCdb } from '../../support/scsi-initiator.ts'
import { enterState, twoTargetPorts } from '../../support/two-target-ports.ts'

/** Operation codes, with service actions where several commands share one, in hexadecimal. */
const ALWAYS = ['03', '12', 'a0', 'a3/0a']
const UNAVAILABLE = [...ALWAYS, 'a4/0a']
const STANDBY = [...UNAVAILABLE, '15', '55', '1a', '5a', '4c', '4d', '1c', '1d', '5e', '5f']

const STATES = [
  ['standby', STANDBY, '2/04/0b'],
  ['unavailable', UNAVAILABLE, '2/04/0c'],
  ['offline', ALWAYS, '2/04/12'],
  ['transitioning', ALWAYS, '2/04/0a'],
] as const satisfies readonly (readonly [AccessState, readonly string[], string])[]

const hex = (value: number) => value.toString(16).padStart(2, '0')

describe.each(STATES)('through a target port that is %s', (state, answered, refusal) => {
  it.each(COMMAND_SETS.disk.rows.map((row) => [row.name, row] as const))(
    '%s is answered as SPC-4 says',
    (_name, row) => {
      const ports = twoTargetPorts()
      enterState(ports, state)
      const cdb = emptyCdb(row)
      const isAnswered = [hex(cdb[0]!), `${hex(cdb[0]!)}/${hex(cdb[1]!)}`].some((code) => answered.includes(code))
      const { senseText } = ports.b.send(cdb, row.data === 'out' ? { dataOut: Buffer.alloc(512) } : {})
      if (isAnswered) expect(senseText).not.toBe(refusal)
      else expect(senseText).toBe(refusal)
    },
  )

  it('the echo buffer is answered, and no other mode of READ BUFFER and WRITE BUFFER', () => {
    const ports = twoTargetPorts()
    enterState(ports, state)
    const data = Buffer.from('echo')
    expect(ports.b.send([0x3b, 0x0a, 0, 0, 0, 0, 0, 0, 4, 0], { dataOut: data }).status).toBe(0)
    expect(ports.b.send([0x3c, 0x0a, 0, 0, 0, 0, 0, 0, 4, 0]).dataIn).toEqual(data)
    expect(ports.b.send([0x3c, 0x0b, 0, 0, 0, 0, 0, 0, 4, 0]).status).toBe(0)
    expect(ports.b.send([0x3b, 0x02, 0, 0, 0, 0, 0, 0, 4, 0], { dataOut: data }).senseText).toBe(refusal)
    expect(ports.b.send([0x3c, 0x02, 0, 0, 0, 0, 0, 0, 4, 0]).senseText).toBe(refusal)
  })

  it('moves no data, and the other port goes on', () => {
    const ports = twoTargetPorts()
    enterState(ports, state)
    const { store } = ports.bench
    const callsBefore = store.calls.length
    expect(ports.b.send(blockCdb(0x2a, 0, 1), { dataOut: Buffer.alloc(512) }).senseText).toBe(refusal)
    expect(ports.b.send(blockCdb(0x28, 0, 1)).senseText).toBe(refusal)
    expect(store.calls.length).toBe(callsBefore)
    expect(ports.a.send(blockCdb(0x28, 0, 1)).dataIn).toEqual(store.bytes.subarray(0, 512))
  })

  it('tells of the change first', () => {
    const ports = twoTargetPorts()
    ports.logicalUnit.changeAccess([{ targetPortGroup: 2, state }], null)
    for (const initiator of [ports.a, ports.b]) expect(initiator.send(blockCdb(0x28, 0, 1)).senseText).toBe('6/2a/06')
    expect(ports.b.send(blockCdb(0x28, 0, 1)).senseText).toBe(refusal)
  })

  it('lets go on what runs', () => {
    const ports = twoTargetPorts()
    const { store } = ports.bench
    store.isManual = true
    const read = ports.b.send(blockCdb(0x28, 0, 1))
    ports.logicalUnit.changeAccess([{ targetPortGroup: 2, state }], null)
    store.release()
    expect([read.status, read.dataIn]).toEqual([0, store.bytes.subarray(0, 512)])
  })

  it('works again after the return to active/optimized', () => {
    const ports = twoTargetPorts()
    enterState(ports, state)
    enterState(ports, 'optimized')
    expect(ports.b.send(blockCdb(0x28, 0, 1)).status).toBe(0)
  })
})

describe('through a target port that is active/non-optimized', () => {
  it('every command is answered', () => {
    const ports = twoTargetPorts()
    enterState(ports, 'nonOptimized')
    expect(ports.b.send(blockCdb(0x28, 0, 1)).status).toBe(0)
    expect(ports.b.send([0x00]).status).toBe(0)
  })
})

describe('INQUIRY', () => {
  const inquiry = (state: AccessState, cdb: readonly number[]) => {
    const ports = twoTargetPorts()
    enterState(ports, state)
    return ports.b.send(cdb).dataIn
  }

  it.each([
    ['optimized', 0x00],
    ['nonOptimized', 0x00],
    ['standby', 0x00],
    ['transitioning', 0x00],
    ['unavailable', 0x20],
    ['offline', 0x20],
  ] as const)('%s has PERIPHERAL QUALIFIER byte %i, in standard data and VPD pages', (state, first) => {
    expect(inquiry(state, [0x12, 0, 0, 0, 96, 0])[0]).toBe(first)
    expect(inquiry(state, [0x12, 1, 0x83, 0, 255, 0])[0]).toBe(first)
  })

  it('says in TPGS that states change implicitly and explicitly', () => {
    expect(inquiry('optimized', [0x12, 0, 0, 0, 96, 0])[5]! & 0x30).toBe(0x30)
  })

  it('names the relative target port and the target port group on page 83h', () => {
    const page = inquiry('optimized', [0x12, 1, 0x83, 0, 255, 0]).toString('hex')
    expect(page).toContain('5194000400000002')
    expect(page).toContain('5195000400000002')
  })

  it('lists both ports with their names on page 88h', () => {
    const name = (port: number) => Buffer.from(`iqn.2026-11.example:disk,t,0x000${port}\0\0\0`).toString('hex')
    expect(inquiry('optimized', [0x12, 1, 0x88, 0, 255, 0]).toString('hex')).toBe(
      [
        '00880068',
        `000000010000000000000028${`53980024${name(1)}`}`,
        `000000020000000000000028${`53980024${name(2)}`}`,
      ].join(''),
    )
  })

  it('says on page 87h that initiators share the mode pages', () => {
    expect(inquiry('optimized', [0x12, 1, 0x87, 0, 255, 0]).toString('hex')).toBe('008700083fff000002008000')
  })
})
