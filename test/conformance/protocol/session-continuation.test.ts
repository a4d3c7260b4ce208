/** Sessions that have lost their last connection, how long they are kept, and how they go on: RFC 7143 6.3.6, 7.5, 8.3. */

import { describe, expect, it } from 'vitest'
import {
  answer,
  complete,
  expectEmpty,
  LOGOUT,
  LOGOUT_ANSWER,
  loginStatus,
  logout,
  opcodesOf,
  openSession,
  RETENTION_MS,
  recoveringNode,
  stateOf,
  tagsOf,
  takeAnswers,
} from '../../support/session-steps.ts'
import { OPCODE } from '../../support/wire-pdu.ts'

describe('a session that has lost its last connection', () => {
  it.each([0, 1, 2])('[SESS-19] [SESS-21] stays for Time2Wait and Time2Retain at level %i, then ends', (level) => {
    const node = recoveringNode()
    const [one] = openSession(node, level, 1)
    one!.command({ itt: 1 })
    one!.destroy()
    expect([stateOf(node), one!.connection.state]).toEqual([['FAILED'], 'CLEANUP_WAIT'])
    node.clock.advance(RETENTION_MS - 1)
    expect([stateOf(node), node.scsi.openNexusCount]).toEqual([['FAILED'], 1])
    node.clock.advance(1)
    expect([stateOf(node), one!.connection.state]).toEqual([[], 'FREE'])
    expectEmpty(node)
  })

  it('[ERL-22] [SESS-21] ends with the time of the connection that was lost last', () => {
    const node = recoveringNode()
    const [one, two] = openSession(node, 2)
    one!.destroy()
    node.clock.advance(1000)
    two!.destroy()
    node.clock.advance(RETENTION_MS - 1000)
    expect(stateOf(node)).toEqual(['FAILED'])
    node.clock.advance(1000)
    expectEmpty(node)
  })

  it('[KEY-18] ends at once with DefaultTime2Retain=0, whatever DefaultTime2Wait is', () => {
    const node = recoveringNode()
    const host = node.connect()
    host.login({ keys: { DefaultTime2Wait: '30', DefaultTime2Retain: '0' } })
    host.command({ itt: 1 })
    host.destroy()
    expect(stateOf(node)).toEqual([])
    node.scsi.rest()
    expectEmpty(node)
  })

  it('[ERL-22] forgets a discovery session at once', () => {
    const node = recoveringNode()
    const discovery = node.connect()
    discovery.login({ discovery: true })
    discovery.destroy()
    expectEmpty(node)
  })

  it.each([0, 1, 2])('[SESS-6] [SESS-21] goes on with a login that takes its CID, at level %i', (level) => {
    const node = recoveringNode()
    const [old] = openSession(node, level, 1)
    old!.command({ itt: 1 })
    old!.destroy()
    node.scsi.rest()
    const fresh = node.connect()
    fresh.join(old!, 0)
    expect(loginStatus(fresh)).toBe(0)
    expect([stateOf(node), old!.connection.state]).toEqual([['LOGGED_IN'], 'FREE'])
    expect(tagsOf(node)).toEqual(level === 2 ? [1] : [])
    fresh.command({ itt: 2 })
    complete(node, 2)
    expect(opcodesOf(takeAnswers(fresh))).toEqual([OPCODE.SCSI_RESPONSE])
  })

  it('[SESS-21] goes on with a login that has another CID, and then the old one can be logged out', () => {
    const node = recoveringNode()
    const [old] = openSession(node, 0, 1)
    old!.destroy()
    const fresh = node.connect()
    fresh.join(old!, 1)
    expect(loginStatus(fresh)).toBe(0)
    logout(fresh, LOGOUT.closeConnection, { cid: 0 })
    expect(answer(fresh)).toBe(LOGOUT_ANSWER.closed)
    node.clock.advance(RETENTION_MS)
    expect(stateOf(node)).toEqual(['LOGGED_IN'])
  })

  it('[SESS-21] [SESS-20] goes back to waiting when such a login fails (N8, M3)', () => {
    const node = recoveringNode()
    const [old] = openSession(node, 0, 1)
    old!.command({ itt: 1 })
    old!.destroy()
    const fresh = node.connect()
    fresh.join(old!, 0)
    expect([stateOf(node), old!.connection.state]).toEqual([['IN_CONTINUE'], 'IN_CLEANUP'])
    fresh.destroy()
    expect([stateOf(node), old!.connection.state]).toEqual([['FAILED'], 'CLEANUP_WAIT'])
    node.clock.advance(RETENTION_MS)
    expectEmpty(node)
  })

  it('[SESS-21] [SESS-3] is replaced by a new session, also while another login wants to go on with it (N6, N11)', () => {
    for (const isContinued of [false, true]) {
      const node = recoveringNode()
      const [old] = openSession(node, 0, 1)
      old!.command({ itt: 1 })
      old!.destroy()
      const continuing = node.connect()
      if (isContinued) continuing.join(old!, 0)
      const successor = node.connect()
      successor.login()
      expect(successor.take()).toEqual([])
      node.scsi.rest()
      node.clock.settle()
      expect(loginStatus(successor)).toBe(0)
      expect([stateOf(node), continuing.closed]).toEqual([['LOGGED_IN'], isContinued ? 'destroy' : null])
      successor.destroy()
      continuing.destroy()
      node.clock.advance(RETENTION_MS)
      expectEmpty(node)
    }
  })

  it.each([0, 2])('makes room for a new one at the limit unless it keeps tasks, at level %i', (level) => {
    const node = recoveringNode({ sessionsMax: 1 })
    const [old] = openSession(node, level, 1)
    old!.destroy()
    const attempt = () => {
      const fresh = node.connect()
      fresh.login({ isid: 2 })
      return loginStatus(fresh)
    }
    // What is still in flight of an ended session takes its place until it is at rest.
    expect(attempt()).toBe(0x0302)
    node.scsi.rest()
    expect(attempt()).toBe(level === 2 ? 0x0302 : 0)
  })

  it('is not driven out by the many failed sessions of another initiator', () => {
    const node = recoveringNode({ failedSessionsMax: 3 })
    const keys = { DefaultTime2Retain: '20' }
    const [victim] = openSession(node, 2, 1)
    victim!.destroy()
    for (let isid = 1; isid <= 5; isid++) {
      const flooder = node.connect()
      flooder.login({ initiator: 'iqn.2026-11.example:flooder', isid, keys })
      flooder.destroy()
    }
    const names = [...node.context.sessions.sessions()].map(({ identity }) => identity.initiatorName.slice(20))
    expect(names).toEqual(['host', 'flooder', 'flooder'])
  })

  it('ends first of all when too many sessions have failed', () => {
    const node = recoveringNode({ failedSessionsMax: 2 })
    const hosts = [1, 2, 3].map((isid) => {
      const host = node.connect()
      host.login({ isid, keys: { DefaultTime2Retain: '20' } })
      return host
    })
    for (const host of hosts) host.destroy()
    const left = [...node.context.sessions.sessions()].map(({ tsih }) => tsih)
    expect(left).toEqual([hosts[1]!.tsih, hosts[2]!.tsih])
    node.clock.advance(RETENTION_MS)
    expectEmpty(node)
  })
})
