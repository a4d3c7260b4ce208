import { expect, it } from 'vitest'
import { accessByTargetPort, findPortClash, relativeTargetPort } from '../../../src/portal-groups.ts'

it.each([
  [0, 65_535],
  [1, 1],
  [4711, 4711],
  [65_535, 65_535],
])('[PORT-2] the portal group with tag %i is relative target port %i', (tag, port) => {
  expect(relativeTargetPort(tag)).toBe(port)
})

it('what is known by portal group tag is known by relative target port', () => {
  const access = { state: 'standby', isPreferred: true } as const
  expect(accessByTargetPort(new Map([[0, access]]))).toEqual(new Map([[65_535, access]]))
})

it('two groups that would be one target port are found', () => {
  expect(findPortClash([0, 1, 65_534])).toBeNull()
  expect(findPortClash([1, 65_535, 1])).toBeNull()
  expect(findPortClash([65_535, 0])).toEqual([0, 65_535])
})

it('any two other groups are two target ports', () => {
  const ports = Array.from({ length: 65_535 }, (_, tag) => relativeTargetPort(tag))
  expect(new Set(ports).size).toBe(ports.length)
  expect(Math.min(...ports)).toBe(1)
})
