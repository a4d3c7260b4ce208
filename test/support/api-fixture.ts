/** The management API over HTTP, on a started object model with a data plane that serves nobody, and one token a role. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { type ApiOptions, startApi } from '../../src/api/api.ts'
import type { MetricsSource } from '../../src/api/metrics-source.ts'
import type { StoredToken, TokenStore } from '../../src/api/tokens.ts'
import { Tokens } from '../../src/api/tokens.ts'
import type { Role } from '../../src/management/configuration-store.ts'
import type { ManagementOptions } from '../../src/management/management.ts'
import { type ManagementFixture, startManagement } from './management-fixture.ts'

export class MemoryTokenStore implements TokenStore {
  #tokens: StoredToken[] = []

  list(): readonly StoredToken[] {
    return this.#tokens
  }

  add(token: StoredToken): void {
    this.#tokens = [...this.#tokens, token]
  }

  remove(id: string): boolean {
    const before = this.#tokens.length
    this.#tokens = this.#tokens.filter((token) => token.id !== id)
    return this.#tokens.length < before
  }

  noteUse(id: string, at: Date): void {
    this.#tokens = this.#tokens.map((token) => (token.id === id ? { ...token, lastUsedAt: at } : token))
  }
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers as they come
type Json = any

export interface ApiAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: Json
}

export interface ApiRequest {
  /** Null for no token at all. */
  readonly role?: Role | null
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export interface ApiFixture extends ManagementFixture, AsyncDisposable {
  readonly url: string
  readonly tokens: Tokens
  /** Lines of the log. */
  readonly log: string[]
  tokenOf(role: Role): string
  /** `path` is below /api/v1, unless it begins with two slashes; by default as administrator. */
  call(method: string, path: string, request?: ApiRequest): Promise<ApiAnswer>
  /** A call that must end with this status; returns its body. */
  done(status: number, method: string, path: string, request?: ApiRequest): Promise<Json>
  close(): Promise<void>
}

export interface ApiFixtureOptions {
  readonly management?: Partial<Omit<ManagementOptions, 'store' | 'dataPlane'>>
  readonly api?: Partial<ApiOptions>
  readonly source?: MetricsSource
}

export async function startApiFixture(options: ApiFixtureOptions = {}): Promise<ApiFixture> {
  const fixture = await startManagement(options.management)
  const tokens = new Tokens(new MemoryTokenStore())
  const texts = new Map<Role, string>()
  for (const role of ['viewer', 'operator', 'administrator'] as const) texts.set(role, tokens.create(role, role).text)
  const tokenOf = (role: Role) => texts.get(role)!
  const scratchDirectory = mkdtempSync(join(tmpdir(), 'lunette-api-'))
  const log: string[] = []
  const api = await startApi({
    management: fixture.management,
    metricsSource: options.source ?? { logicalUnits: () => [], targets: () => [] },
    listen: { host: '127.0.0.1', port: 0 },
    tls: null,
    mayBeUnencrypted: false,
    hostNames: [],
    tokens,
    log: pino({ level: 'warn' }, { write: (line) => void log.push(line) }),
    version: '1.2.3',
    scratchDirectory,
    ...options.api,
  })
  const call = async (method: string, path: string, { role = 'administrator', body, headers }: ApiRequest = {}) => {
    const response = await fetch(`${api.url}${path.startsWith('//') ? path.slice(1) : `/api/v1${path}`}`, {
      method,
      headers: {
        ...(role === null ? {} : { authorization: `Bearer ${tokenOf(role)}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
    })
    const text = await response.text()
    const isJson = /\bjson\b/.test(response.headers.get('content-type') ?? '')
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text }
  }
  const close = async () => {
    await api.close()
    await fixture.management.close()
    rmSync(scratchDirectory, { recursive: true, force: true })
  }
  return {
    ...fixture,
    url: api.url,
    tokens,
    log,
    tokenOf,
    call,
    async done(status, method, path, request) {
      const answer = await call(method, path, request)
      if (answer.status === status) return answer.body
      throw new Error(`${method} ${path}: ${answer.status} instead of ${status}: ${JSON.stringify(answer.body)}`)
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Wait for jobs that end soon. */
export const SOON = { prefer: 'wait=10' }
