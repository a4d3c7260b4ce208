import { chmodSync, writeFileSync } from 'node:fs'
import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { loadChapPolicy } from '../../../../src/cli/chap-policy.ts'
import type { ChapUserRequest } from '../../../../src/cli/chap-request.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

/** The policy for users and their secrets; `mutual` is the target's. */
function load(users: Readonly<Record<string, string>>, mutual: string | null = null, mayBeShort = false) {
  using directory = temporaryDirectory()
  const logged: string[] = []
  const log = pino({ level: 'warn' }, { write: (line) => void logged.push(line) })
  const write = (user: string, secret: string): ChapUserRequest => {
    const secretFile = directory.file(`${user}.secret`)
    writeFileSync(secretFile, secret)
    chmodSync(secretFile, 0o600)
    return { user, secretFile, initiatorNames: user === 'bound' ? ['iqn.2026-11.example:host'] : null }
  }
  const requests = Object.entries(users).map(([user, secret]) => write(user, secret))
  const target = mutual === null ? null : write('target', mutual)
  return { policy: loadChapPolicy(requests, target, mayBeShort, log), logged: logged.join('') }
}

describe('loadChapPolicy', () => {
  it('has every user with its secret and the initiators that it belongs to', () => {
    const { policy, logged } = load({ alice: 'alices-secret', bound: 'bounds-secret' }, 'targets-secret')
    expect(policy).toEqual({
      kind: 'chap',
      initiators: [
        { user: 'alice', secret: Buffer.from('alices-secret') },
        { user: 'bound', secret: Buffer.from('bounds-secret'), initiatorNames: ['iqn.2026-11.example:host'] },
      ],
      target: { user: 'target', secret: Buffer.from('targets-secret') },
    })
    expect(logged).toBe('')
  })

  it('[SEC-16] refuses a target with the secret of any of its users, in whatever notation', () => {
    const users = { alice: 'alices-secret', bob: `hex:${Buffer.from('targets-secret').toString('hex')}` }
    expect(() => load(users, 'targets-secret')).toThrow(/same secret as the --chap-secret-file of bob/)
  })

  it('warns of users that have the same secret, without telling it', () => {
    const { logged } = load({ alice: 'alices-secret', bob: 'alices-secret' })
    expect(logged).toContain('bob has the same CHAP secret as alice')
    expect(logged).not.toContain('alices-secret')
  })

  it('[SEC-18] refuses short secrets on both sides, unless they are accepted', () => {
    expect(() => load({ alice: 'short' })).toThrow('at least 12 are needed')
    expect(() => load({ alice: 'alices-secret' }, 'short')).toThrow('at least 12 are needed')
    const { logged } = load({ alice: 'short' }, 'brief', true)
    expect(logged.match(/at least 12 are needed/g)).toHaveLength(2)
  })
})
