import { expect, it } from 'vitest'
import { chooseStrangerToDrop } from '../../../../protocol/transport/stranger-connections.ts'

/** The place in the queue of the one that has to go for the last of `addresses`. */
const chosen = (...addresses: (string | undefined)[]) => {
  const all = addresses.map((remoteAddress) => ({ remoteAddress }))
  const choice = chooseStrangerToDrop(all.slice(0, -1), all.at(-1)!)
  return choice === undefined ? null : all.indexOf(choice)
}

it('is nobody where nobody waits', () => {
  expect(chosen('10.0.0.1')).toBeNull()
})

it('is the oldest where all come from one address, and where all come from different ones', () => {
  expect(chosen('10.0.0.1', '10.0.0.1', '10.0.0.1')).toBe(0)
  expect(chosen('10.0.0.1', '10.0.0.2', '10.0.0.3')).toBe(0)
})

it('is the oldest of the address with the most', () => {
  expect(chosen('10.0.0.1', '10.0.0.2', '10.0.0.2', '10.0.0.3')).toBe(1)
  expect(chosen('::ffff:10.0.0.1', '::ffff:10.0.0.2', '::ffff:10.0.0.2', '::1')).toBe(1)
  expect(chosen(undefined, '10.0.0.2', '10.0.0.2', '10.0.0.3')).toBe(1)
})

it('is one of the newcomer where it comes from where most come from, itself included', () => {
  expect(chosen('10.0.0.1', '10.0.0.2', '10.0.0.2')).toBe(1)
  expect(chosen('10.0.0.1', '10.0.0.1', '10.0.0.2')).toBe(0)
})

it('takes the addresses of one IPv6 network for one', () => {
  expect(chosen('2001:db8:0:1::1', '2001:db8:0:2::1', '2001:db8:0:2:aaaa:bbbb:cccc:dddd')).toBe(1)
  expect(chosen('2001:db8::1', '2001:db8:0:2::1', '2001:db8:0:0:1::')).toBe(0)
  expect(chosen('fd00::1', '::1', '::1')).toBe(1)
})
