import { expect, it } from 'vitest'
import { AssignedPriorities } from '../../../scsi/assigned-priorities.ts'
import { NEXUS } from '../../support/logical-unit-properties.ts'

it('the assigned priorities forget the oldest of more than 1024 ports', () => {
  const priorities = new AssignedPriorities()
  const nexus = (i: number) => ({ ...NEXUS, initiatorPortName: `iqn.2026-11.example:${i},i,0x00023d000001` })
  for (let i = 0; i < 1024; i++) priorities.assign(nexus(i), 3)
  priorities.assign(nexus(0), 4)
  priorities.assign(nexus(1024), 5)
  expect([0, 1, 2, 1024].map((i) => priorities.of(nexus(i)))).toEqual([4, 0, 3, 5])
  priorities.assign(nexus(0), 0)
  expect(priorities.of(nexus(0))).toBe(0)
})
