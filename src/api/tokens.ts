/**
 * Bearer tokens (RFC 6750): 256 random bits in text, of which only the SHA-256 is kept, so that whoever reads the store
 * cannot log in with it. A token has a name, which the audit log says, and a role. Where they are kept is in
 * `store/api-tokens.ts`.
 */

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Actor, Role } from '../management/configuration-store.ts'

export interface ApiToken {
  readonly id: string
  readonly name: string
  readonly role: Role
  readonly createdAt: Date
  /** To the minute; null when it was never used. */
  readonly lastUsedAt: Date | null
}

export interface StoredToken extends ApiToken {
  readonly hash: Buffer
}

/** What keeps tokens, durable when a call returns. */
export interface TokenStore {
  list(): readonly StoredToken[]
  add(token: StoredToken): void
  /** False when there is none. */
  remove(id: string): boolean
  noteUse(id: string, at: Date): void
}

/** Every request is compared with all of them. */
export const TOKENS_MAX = 256

const PREFIX = 'lun_'
const SECRET_BYTES = 32
const FORM = /^lun_[A-Za-z0-9_-]{43}$/
/** Uses closer together are not written down. */
const USE_RESOLUTION_MS = 60_000

export class TokenError extends Error {
  override readonly name = 'TokenError'
}

export class Tokens {
  readonly #store: TokenStore
  readonly #now: () => Date
  #tokens: readonly StoredToken[]

  constructor(store: TokenStore, now: () => Date = () => new Date()) {
    this.#store = store
    this.#now = now
    this.#tokens = store.list()
  }

  /** Oldest first. */
  list(): readonly ApiToken[] {
    return this.#tokens
  }

  /** Returns the text of the new token, which is not kept. Errors: `TokenError` for a name in use, or too many. */
  create(name: string, role: Role): { readonly token: ApiToken; readonly text: string } {
    if (this.#tokens.length >= TOKENS_MAX)
      throw new TokenError(`there are ${TOKENS_MAX} tokens, and more are not possible`)
    if (this.#tokens.some((token) => token.name === name))
      throw new TokenError(`there is a token named ${name} already`)
    const text = PREFIX + randomBytes(SECRET_BYTES).toString('base64url')
    const token = { id: crypto.randomUUID(), name, role, createdAt: this.#now(), lastUsedAt: null, hash: hashOf(text) }
    this.#store.add(token)
    this.#tokens = this.#store.list()
    return { token, text }
  }

  /** False when there is none. */
  remove(id: string): boolean {
    const isRemoved = this.#store.remove(id)
    this.#tokens = this.#store.list()
    return isRemoved
  }

  /** Whose token this is; null when nobody's. Takes as long for a wrong one as for a right one. */
  authenticate(text: string): Actor | null {
    if (!FORM.test(text)) return null
    const token = this.find(text)
    if (token === null) return null
    const now = this.#now()
    if (now.getTime() - (token.lastUsedAt?.getTime() ?? 0) >= USE_RESOLUTION_MS) {
      this.#store.noteUse(token.id, now)
      this.#tokens = this.#store.list()
    }
    return { name: token.name, role: token.role }
  }

  /** The token with this text, without counting that as a use. */
  find(text: string): ApiToken | null {
    const hash = hashOf(text)
    let found: ApiToken | null = null
    for (const token of this.#tokens) {
      if (timingSafeEqual(token.hash, hash)) found = token
    }
    return found
  }
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
