/**
 * The REST API as functions: a request, its answer as JSON, and every way to fail as one `ApiFailure` whose sentence says
 * what the server refused and by which HRESULT, and whose exit code tells scripts the kind. Knows no resource.
 */

import { EXIT_CODE, Failure } from '../../failure.ts'
import type { Job } from './resources.ts'
import type { ServerLocation } from './server-location.ts'

const API_PATH = '/api/v1'

/** The server may take this long; whatever takes longer is a job, which is asked after. */
const REQUEST_TIMEOUT_MS = 60_000

/** `application/problem+json` (RFC 9457) with the HRESULT that it stands for. */
export interface Problem {
  readonly title?: string
  readonly status?: number
  readonly detail?: string
  readonly hresult?: string
  readonly name?: string
}

export class ApiFailure extends Failure {
  readonly problem: Problem

  constructor(message: string, exitCode: number, problem: Problem = {}, options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exitCode
    this.problem = problem
  }
}

export interface ApiAnswer<T> {
  readonly body: T
  /** Null when the resource has none. */
  readonly etag: string | null
}

export interface RequestOptions {
  readonly body?: unknown
  /** Change it only if it is still what this tag was given for. */
  readonly ifMatch?: string | null
  /** Wait so long for a job before its number is answered. */
  readonly waitSeconds?: number
}

export class ApiClient {
  readonly #locate: () => ServerLocation
  #found: ServerLocation | null = null

  /** `locate` is asked before the first request, so that wrong words are complained about before a missing token. */
  constructor(locate: () => ServerLocation) {
    this.#locate = locate
  }

  get #location(): ServerLocation {
    this.#found ??= this.#locate()
    return this.#found
  }

  /** Errors: `ApiFailure`, as of all methods. */
  async get<T>(path: string): Promise<T> {
    return (await this.request<T>('GET', path)).body
  }

  async request<T>(method: string, path: string, options: RequestOptions = {}): Promise<ApiAnswer<T>> {
    const response = await this.#send(method, path, options, AbortSignal.timeout(REQUEST_TIMEOUT_MS))
    const text = await response.text().catch((error: unknown) => this.#unreachable(error))
    return { body: this.#parse<T>(text), etag: response.headers.get('etag') }
  }

  /** A method that answers with a job: at once when it ends soon, otherwise with the job as it stands. */
  async start(method: string, path: string, body?: unknown): Promise<Job> {
    return (await this.request<Job>(method, path, { body, waitSeconds: 2 })).body
  }

  /** The body as it comes, such as a backup or the events, however long that takes. */
  async stream(method: string, path: string): Promise<AsyncIterable<Uint8Array>> {
    const response = await this.#send(method, path, {})
    return response.body ?? (async function* () {})()
  }

  async #send(method: string, path: string, options: RequestOptions, signal?: AbortSignal): Promise<Response> {
    const { body, ifMatch, waitSeconds } = options
    const response = await fetch(`${this.#location.origin}${API_PATH}${path}`, {
      method,
      redirect: 'error',
      signal: signal ?? null,
      headers: {
        authorization: `Bearer ${this.#location.token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(ifMatch == null ? {} : { 'if-match': ifMatch }),
        ...(waitSeconds === undefined ? {} : { prefer: `wait=${waitSeconds}` }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    }).catch((error: unknown) => this.#unreachable(error))
    if (response.ok) return response
    throw refusal(response.status, await response.text().catch(() => ''))
  }

  #unreachable(error: unknown): never {
    const { origin } = this.#location
    const isTimeout = error instanceof DOMException && error.name === 'TimeoutError'
    const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error
    const isRefused = inner instanceof Error && 'code' in inner && inner.code === 'ECONNREFUSED'
    const cause = isTimeout
      ? `it does not answer within ${REQUEST_TIMEOUT_MS / 1000} s`
      : isRefused
        ? 'no server listens there; start one with lunette serve, or name another with --server'
        : inner instanceof Error
          ? inner.message
          : String(inner)
    throw new ApiFailure(`cannot reach the server at ${origin}: ${cause}`, EXIT_CODE.unreachable, {}, { cause: error })
  }

  #parse<T>(text: string): T {
    if (text === '') return undefined as T
    try {
      return JSON.parse(text) as T
    } catch (error) {
      const what = `what answers at ${this.#location.origin} is not a Lunette server: its answer is no JSON`
      throw new ApiFailure(what, EXIT_CODE.unreachable, {}, { cause: error })
    }
  }
}

const EXIT_CODE_OF_STATUS: Readonly<Record<number, number>> = {
  401: EXIT_CODE.forbidden,
  403: EXIT_CODE.forbidden,
  404: EXIT_CODE.notFound,
  410: EXIT_CODE.notFound,
}

function refusal(status: number, text: string): ApiFailure {
  const problem = parseProblem(text)
  // A model that says no does so by name, whatever HTTP calls it; without a name it is the server that failed.
  const isRefusal = status < 500 || problem.name !== undefined
  const exitCode = EXIT_CODE_OF_STATUS[status] ?? (isRefusal ? EXIT_CODE.refused : EXIT_CODE.failure)
  return new ApiFailure(sentence(problem, status), exitCode, problem)
}

function parseProblem(text: string): Problem {
  try {
    const parsed: unknown = JSON.parse(text)
    return typeof parsed === 'object' && parsed !== null ? parsed : {}
  } catch {
    return {}
  }
}

/** The server's words, and the HRESULT for those who know VDS. */
function sentence({ title, detail, name, hresult }: Problem, status: number): string {
  const what = detail ?? title ?? `the server answers with HTTP status ${status}`
  return name === undefined ? what : `${what} (${[name, hresult].filter(Boolean).join(' ')})`
}

/** The failure that a job ended with. */
export function jobFailure(job: Job): ApiFailure {
  const name = job.name ?? job.hresult
  const exitCode = name.endsWith('_NOT_FOUND') ? EXIT_CODE.notFound : EXIT_CODE.refused
  return new ApiFailure(sentence({ ...job, detail: job.message ?? `job ${job.id} failed` }, 0), exitCode, job)
}
