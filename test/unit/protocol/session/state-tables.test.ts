/**
 * The tables of connection states and session states (RFC 7143 8.1 to 8.3): what they hold, and that each entry is used.
 * The scenarios together take every transition that the tables have.
 */

import { afterAll, describe, expect, it, vi } from 'vitest'
import { CONNECTION_TRANSITIONS, nextConnectionState } from '../../../../protocol/connection/connection-states.ts'
import { nextSessionState, SESSION_TRANSITIONS } from '../../../../protocol/session/session-states.ts'
import type { ConnectionHarness, NodeHarness } from '../../../support/connection-harness.ts'
import { LOGOUT, logout, openSession, RETENTION_MS, recoveringNode } from '../../../support/session-steps.ts'

const taken = vi.hoisted(() => new Set<string>())

vi.mock('../../../../protocol/connection/connection-states.ts', async (importOriginal) => {
  const original = await importOriginal<{ nextConnectionState: typeof nextConnectionState }>()
  const recording: typeof nextConnectionState = (state, event) => {
    taken.add(`connection ${state} ${event}`)
    return original.nextConnectionState(state, event)
  }
  return { ...original, nextConnectionState: recording }
})

vi.mock('../../../../protocol/session/session-states.ts', async (importOriginal) => {
  const original = await importOriginal<{ nextSessionState: typeof nextSessionState }>()
  const recording: typeof nextSessionState = (state, event) => {
    taken.add(`session ${state} ${event}`)
    return original.nextSessionState(state, event)
  }
  return { ...original, nextSessionState: recording }
})

function entriesOf(name: string, table: Readonly<Record<string, object>>): string[] {
  return Object.entries(table).flatMap(([state, row]) => Object.keys(row).map((event) => `${name} ${state} ${event}`))
}

afterAll(() => {
  const entries = [...entriesOf('connection', CONNECTION_TRANSITIONS), ...entriesOf('session', SESSION_TRANSITIONS)]
  expect(entries.filter((entry) => !taken.has(entry))).toEqual([])
})

/** The state of the connection after each step. */
function walk(host: ConnectionHarness, steps: readonly (() => void)[]): string[] {
  return steps.map((step) => {
    step()
    return host.connection.state
  })
}

function sessionStates(node: NodeHarness, steps: readonly (() => void)[]): (string | undefined)[] {
  const [session] = [...node.context.sessions.sessions()]
  return steps.map((step) => {
    step()
    return session!.state
  })
}

describe('connection states', () => {
  it('[SESS-16] go from FREE to LOGGED_IN with a login, and back when the transport goes (T3 to T7)', () => {
    const node = recoveringNode()
    const silent = node.connect()
    expect(silent.connection.state).toBe('XPT_UP')
    expect(walk(silent, [() => silent.destroy()])).toEqual(['FREE'])
    const late = node.connect()
    const beginLogin = () => late.request({ opcode: 0x03, immediate: true, byte1: 0x04, data: Buffer.alloc(0) })
    late.isStalled = true
    expect(walk(late, [beginLogin])).toEqual(['FREE'])
    const host = node.connect()
    expect(walk(host, [() => host.login()])).toEqual(['LOGGED_IN'])
  })

  it('[SESS-17] [SESS-18] leave full feature phase by a logout, asked for or not (T9 to T13)', () => {
    const node = recoveringNode()
    const [one, two] = openSession(node, 0)
    one!.command({ itt: 1 })
    expect(
      walk(one!, [
        () => one!.connection.requestLogout(5),
        () => one!.connection.requestLogout(5),
        () => logout(one!, LOGOUT.closeConnection),
        () => node.scsi.rest(),
      ]),
    ).toEqual(['LOGOUT_REQUESTED', 'LOGOUT_REQUESTED', 'IN_LOGOUT', 'FREE'])
    two!.command({ itt: 2 })
    // First the tasks of the connection, then those of the session that ends with it.
    const steps = [() => logout(two!, LOGOUT.closeConnection), () => node.scsi.rest(), () => node.scsi.rest()]
    expect(walk(two!, steps)).toEqual(['IN_LOGOUT', 'IN_LOGOUT', 'FREE'])
  })

  it('[SESS-18] leave it when the session is closed elsewhere (T8, T18, M1, M4)', () => {
    const node = recoveringNode()
    const [one, two, three, lost, cleaned] = openSession(node, 0, 4)
    expect(cleaned).toBeUndefined()
    two!.connection.requestLogout(5)
    lost!.destroy()
    three!.command({ itt: 1 })
    logout(one!, LOGOUT.closeConnection, { cid: three!.cid })
    expect(three!.connection.state).toBe('IN_CLEANUP')
    logout(one!, LOGOUT.closeSession)
    expect([two!, three!, lost!].map(({ connection }) => connection.state)).toEqual(['FREE', 'FREE', 'FREE'])
    node.scsi.rest()
    const [other, requested] = openSession(recoveringNode(), 0)
    requested!.connection.requestLogout(5)
    logout(other!, LOGOUT.closeSession)
    expect(requested!.connection.state).toBe('FREE')
    const [closing, beside] = openSession(recoveringNode(), 0)
    logout(closing!, LOGOUT.closeSession)
    expect(beside!.connection.state).toBe('FREE')
  })

  it('[SESS-19] [SESS-20] are cleaned up after a failure (T15 to T17, M1 to M4)', () => {
    const node = recoveringNode({ logoutTimeoutMs: 1000 })
    const [one, two, three, four] = openSession(node, 0, 4)
    one!.command({ itt: 1 })
    expect(
      walk(one!, [
        () => one!.destroy(),
        () => logout(four!, LOGOUT.closeConnection, { cid: 0 }),
        () => node.clock.advance(1000),
        () => logout(four!, LOGOUT.closeConnection, { cid: 0 }),
        () => node.scsi.rest(),
      ]),
    ).toEqual(['CLEANUP_WAIT', 'IN_CLEANUP', 'CLEANUP_WAIT', 'IN_CLEANUP', 'FREE'])
    two!.connection.requestLogout(5)
    expect(walk(two!, [() => two!.destroy(), () => node.clock.advance(RETENTION_MS)])).toEqual(['CLEANUP_WAIT', 'FREE'])
    three!.command({ itt: 2 })
    const steps = [() => logout(three!, LOGOUT.closeConnection), () => node.clock.advance(1000)]
    expect(walk(three!, steps)).toEqual(['IN_LOGOUT', 'CLEANUP_WAIT'])
    four!.command({ itt: 3 })
    const cut = [() => logout(four!, LOGOUT.closeConnection), () => four!.destroy()]
    expect(walk(four!, cut)).toEqual(['IN_LOGOUT', 'CLEANUP_WAIT'])
  })

  it('have no transition for what cannot happen', () => {
    expect(() => nextConnectionState('FREE', 'loginStarted')).toThrow('no transition')
  })
})

describe('session states', () => {
  it('[SESS-21] go through a whole life (N1 to N3)', () => {
    const node = recoveringNode()
    const [host] = openSession(node, 0, 1)
    expect(sessionStates(node, [() => {}, () => logout(host!, LOGOUT.closeSession)])).toEqual(['LOGGED_IN', 'FREE'])
  })

  it('[SESS-21] go back to FREE when the leading login fails (N9)', () => {
    const node = recoveringNode()
    const [old] = openSession(node, 0, 1)
    old!.command({ itt: 1 })
    const fresh = node.connect()
    fresh.login()
    const [session] = [...node.context.sessions.sessions()]
    expect(session!.state).toBe('ACTIVE')
    fresh.destroy()
    expect(session!.state).toBe('FREE')
    node.scsi.rest()
  })

  it('[SESS-21] are left and taken up again (N5 to N8, N10)', () => {
    const node = recoveringNode()
    const [old] = openSession(node, 0, 1)
    old!.command({ itt: 1 })
    const [failing, succeeding] = [node.connect(), node.connect()]
    expect(
      sessionStates(node, [
        () => old!.destroy(),
        () => failing.join(old!, 0),
        () => failing.destroy(),
        () => succeeding.join(old!, 0),
        () => node.scsi.rest(),
        () => succeeding.destroy(),
        () => node.clock.advance(RETENTION_MS),
      ]),
    ).toEqual(['FAILED', 'IN_CONTINUE', 'FAILED', 'IN_CONTINUE', 'LOGGED_IN', 'FAILED', 'FREE'])
  })

  it('[SESS-21] end when a new session takes their place (N6, N11)', () => {
    for (const isContinued of [false, true]) {
      const node = recoveringNode()
      const [old] = openSession(node, 0, 1)
      old!.command({ itt: 1 })
      old!.destroy()
      if (isContinued) node.connect().join(old!, 0)
      const [session] = [...node.context.sessions.sessions()]
      expect(session!.state).toBe(isContinued ? 'IN_CONTINUE' : 'FAILED')
      node.connect().login()
      expect(session!.state).toBe('FREE')
      node.scsi.rest()
    }
  })

  it('have no transition for what cannot happen', () => {
    expect(() => nextSessionState('FREE', 'sessionClosed')).toThrow('no transition')
  })
})
