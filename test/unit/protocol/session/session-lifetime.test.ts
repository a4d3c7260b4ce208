import { describe, expect, it } from 'vitest'
import { completeTask } from '../../../../protocol/connection/task-lifecycle.ts'
import type { TargetDirectory } from '../../../../protocol/target-directory.ts'
import { NodeHarness, TARGET_NAME } from '../../../support/connection-harness.ts'
import { OneTargetDirectory } from '../../../support/one-target-directory.ts'
import { OPCODE } from '../../../support/wire-pdu.ts'

function opcodes(connection: { take(): { opcode: number }[] }): number[] {
  return connection.take().map(({ opcode }) => opcode)
}

describe('session reinstatement', () => {
  it('[SESS-3] answers the new login only when nothing of the old session is in flight any more', () => {
    const node = new NodeHarness()
    const old = node.connect()
    old.login()
    old.command({ itt: 1, write: true, edtl: 512, data: Buffer.alloc(512) })
    old.take()
    const fresh = node.connect()
    fresh.login()
    expect(old.closed).toBe('end')
    expect(fresh.take()).toEqual([])
    expect(node.scsi.tasks).toHaveLength(1)
    node.scsi.rest()
    node.clock.settle()
    expect(opcodes(fresh)).toEqual([OPCODE.LOGIN_RESPONSE])
    expect(old.take()).toEqual([])
    expect([node.scsi.openNexusCount, node.context.sessions.size]).toEqual([1, 1])
  })

  it('makes a third session wait for the first, also when the second has gone in between', () => {
    const node = new NodeHarness()
    const [first, second, third] = [node.connect(), node.connect(), node.connect()]
    first.login()
    first.command({ itt: 1, write: true, edtl: 512, data: Buffer.alloc(512) })
    second.login()
    second.destroy()
    third.login()
    expect(third.take()).toEqual([])
    node.scsi.rest()
    node.clock.settle()
    expect(opcodes(third)).toEqual([OPCODE.LOGIN_RESPONSE])
    expect(second.take()).toEqual([])
    expect(node.context.sessions.size).toBe(1)
  })

  it('closes a login at once whose session has ended before it began', () => {
    const node = new NodeHarness()
    const [first, second, third] = [node.connect(), node.connect(), node.connect()]
    first.login()
    first.command({ itt: 1 })
    second.login()
    third.login()
    expect([second.closed, third.closed, second.take(), third.take()]).toEqual(['destroy', null, [], []])
    node.context.sessions.dropSessionsOf(TARGET_NAME)
    expect(third.closed).toBe('destroy')
    node.scsi.rest()
    node.clock.settle()
    expect([node.context.sessions.size, node.clock.timerCount, node.taken]).toEqual([0, 0, [0, 0, 0]])
  })

  it('[SESS-10] leaves a session with another ISID alone', () => {
    const node = new NodeHarness()
    const [one, two] = [node.connect(), node.connect()]
    one.login({ isid: 1 })
    two.login({ isid: 2 })
    expect([one.closed, two.closed, node.context.sessions.size]).toEqual([null, null, 2])
  })

  it('[SESS-10] leaves a session alone that has the same ISID with another target or another portal group', () => {
    const OTHER = 'iqn.2026-11.example:other-disk'
    const one = new OneTargetDirectory({ name: TARGET_NAME, alias: '' }, { kind: 'none' })
    const other = new OneTargetDirectory({ name: OTHER, alias: '' }, { kind: 'none' })
    const directory: TargetDirectory = {
      findTarget: (name, initiator, endpoint) => (name === OTHER ? other : one).findTarget(name, initiator, endpoint),
      discoveryPortalGroupTag: () => 1,
      discover: () => [],
      authentication: () => ({ kind: 'none' }),
    }
    const node = new NodeHarness({}, null, {}, { directory })
    const [first, elsewhere, second, again] = [node.connect(), node.connect(2), node.connect(), node.connect(2)]
    first.login()
    elsewhere.login()
    second.login({ keys: { TargetName: OTHER } })
    expect([first.closed, elsewhere.closed, second.closed, node.scsi.openNexusCount]).toEqual([null, null, null, 3])
    expect(new Set([first, elsewhere, second].map(({ tsih }) => tsih)).size).toBe(3)
    again.login()
    node.scsi.rest()
    expect([first.closed, elsewhere.closed, second.closed, again.closed]).toEqual([null, 'end', null, null])
  })

  it('[SESS-12] lets a discovery session replace only a discovery session', () => {
    const node = new NodeHarness()
    const [normal, discovery, again] = [node.connect(), node.connect(), node.connect()]
    normal.login()
    discovery.login({ discovery: true })
    again.login({ discovery: true })
    expect([normal.closed, discovery.closed, again.closed]).toEqual([null, 'end', null])
  })
})

describe('the end of a connection', () => {
  it('gives everything back: a read that is being sent, a write that waits for data, a held command', () => {
    const node = new NodeHarness()
    const host = node.connect()
    host.login()
    host.isStalled = true
    host.command({ itt: 1, read: true, edtl: 4096 })
    host.command({ itt: 2, write: true, edtl: 65_536 })
    host.command({ itt: 3, cmdSN: host.cmdSN + 5 })
    expect(node.scsi.tasks).toHaveLength(2)
    host.destroy()
    host.unstall()
    expect(node.context.sessions.size).toBe(0)
    node.scsi.rest()
    expect(node.taken).toEqual([0, 0, 0])
    expect(node.clock.timerCount).toBe(0)
  })

  it('[SESS-16] ends a login that takes too long', () => {
    const node = new NodeHarness({ loginTimeoutMs: 1000 })
    const host = node.connect()
    node.clock.advance(999)
    expect(host.closed).toBeNull()
    node.clock.advance(1)
    expect(host.closed).toBe('destroy')
    expect(node.clock.timerCount).toBe(0)
  })

  it('ends a session that failed between its login and full feature phase', () => {
    const node = new NodeHarness()
    node.scsi.openNexus = () => {
      throw new Error('the target has just gone')
    }
    const host = node.connect()
    expect(() => host.login()).toThrow('the target has just gone')
    host.connection.transportClosed()
    expect([node.context.sessions.size, node.clock.timerCount]).toEqual([0, 0])
    expect(node.taken).toEqual([0, 0, 0])
  })

  it('frees the session of a login that is abandoned while it waits for its predecessor', () => {
    const node = new NodeHarness()
    const [first, second] = [node.connect(), node.connect()]
    first.login()
    first.command({ itt: 1 })
    second.login()
    second.destroy()
    node.scsi.rest()
    node.clock.settle()
    expect([node.context.sessions.size, node.scsi.openNexusCount]).toEqual([0, 0])
    expect(node.taken).toEqual([0, 0, 0])
  })
})

describe('a mistake of ours', () => {
  it('in what the event loop calls later ends that connection and no other', () => {
    const node = new NodeHarness()
    const [one, two] = [node.connect(), node.connect()]
    one.login({ isid: 1 })
    two.login({ isid: 2 })
    one.connection.setTimer(10, () => {
      throw new Error('a mistake')
    })
    node.clock.advance(10)
    expect([one.closed, two.closed]).toEqual(['destroy', null])
  })
})

describe('orderly stop', () => {
  it('lets the commands that run be answered, and begins no other', () => {
    const node = new NodeHarness()
    const host = node.connect()
    host.login()
    host.command({ itt: 1 })
    const [session] = [...node.context.sessions.sessions()]
    let isDrained = false
    session!.queue.drain(() => {
      isDrained = true
    })
    host.command({ itt: 2 })
    host.take()
    expect([isDrained, node.scsi.tasks.length]).toEqual([false, 1])
    const [task] = node.scsi.tasks
    node.scsi.ended(task!)
    completeTask(task!, 0, null, 0)
    node.clock.settle()
    expect(isDrained).toBe(true)
    expect(opcodes(host)).toEqual([OPCODE.SCSI_RESPONSE])
  })
})

describe('signs of life', () => {
  const limits = { pingIdleMs: 1000, pingTimeoutMs: 500, dataOutTimeoutMs: 5000 }

  it('[NOP-4] pings an initiator that is silent, and leaves one alone that never answers', () => {
    const node = new NodeHarness(limits)
    const host = node.connect()
    host.login()
    host.take()
    node.clock.advance(20_000)
    const pings = host.take()
    expect(pings.map(({ opcode }) => opcode)).toEqual([OPCODE.NOP_IN])
    expect(pings[0]!.header.readUInt32BE(16)).toBe(0xffff_ffff)
    expect(pings[0]!.header.readUInt32BE(20)).not.toBe(0xffff_ffff)
    expect(host.closed).toBeNull()
  })

  it('[NOP-7] drops an initiator that has answered before and does not any more', () => {
    const node = new NodeHarness(limits)
    const host = node.connect()
    host.login()
    host.take()
    node.clock.advance(1500)
    const [ping] = host.take()
    const targetTransferTag = ping!.header.readUInt32BE(20)
    host.request({ opcode: OPCODE.NOP_OUT, immediate: true, itt: 0xffff_ffff, words: { 20: targetTransferTag } })
    node.clock.advance(1400)
    expect(host.take().map(({ opcode }) => opcode)).toEqual([OPCODE.NOP_IN])
    expect(host.closed).toBeNull()
    node.clock.advance(600)
    expect(host.closed).toBe('destroy')
  })

  it('[DISC-3] does not ping a discovery session', () => {
    const node = new NodeHarness(limits)
    const host = node.connect()
    host.login({ discovery: true })
    host.take()
    node.clock.advance(20_000)
    expect(host.take()).toEqual([])
  })
})
