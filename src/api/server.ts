/**
 * The HTTP server of the management API (Fastify): who may ask at all, what a request may cost, and what every answer and
 * every refusal looks like. What can be asked is in `routes/`. It listens on this machine only unless it speaks TLS; there
 * is no CORS, so no page of another origin can use it.
 */

import { STATUS_CODES } from 'node:http'
import type { AddressInfo } from 'node:net'
import Fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify'
import type { Logger } from 'pino'
import { isLoopback } from '../../protocol/ip-addresses.ts'
import { Failure } from '../failure.ts'
import { limitLog } from '../limited-log.ts'
import { VdsError } from '../management/hresult.ts'
import { callerOf, demandRole } from './authentication.ts'
import { type BrowserGuard, demandOwnOrigin } from './browser-guard.ts'
import type { Api } from './fastify.ts'
import { registerOpenApi } from './openapi.ts'
import { HttpProblem, PROBLEM_MEDIA_TYPE, type ProblemDetails, refusalOf, refusalOfHresult } from './problems.ts'
import type { Tokens } from './tokens.ts'
import { compileValidator } from './validation.ts'

export interface ApiServerOptions {
  readonly listen: { readonly host: string; readonly port: number }
  /** PEM texts; null for plain HTTP. */
  readonly tls: { readonly certificate: string; readonly key: string } | null
  /** Listen beyond this machine without TLS: whoever is on the way reads the tokens. */
  readonly mayBeUnencrypted: boolean
  /** Names under which callers may ask without TLS, besides addresses and localhost. */
  readonly hostNames: readonly string[]
  readonly tokens: Tokens
  readonly log: Logger
  readonly version: string
}

/** What adds routes to the server. */
export type RegisterRoutes = (api: Api, closing: AbortSignal) => void | Promise<void>

export interface RunningApi {
  /** Without a path, e.g. `http://127.0.0.1:3280`. */
  readonly url: string
  /** Stop listening, end event streams and waits, and resolve when every request has ended. */
  close(): Promise<void>
}

const BODY_BYTES_MAX = 1024 * 1024
const HEADER_BYTES_MAX = 16 * 1024
/** A request has to be there as a whole within this, its header sooner. */
const REQUEST_TIMEOUT_MS = 30_000
const HEADER_TIMEOUT_MS = 10_000
const KEEP_ALIVE_TIMEOUT_MS = 30_000
/** Nothing was read or written for so long: event streams write more often. */
const SILENCE_TIMEOUT_MS = 120_000
/** At a time; each takes a socket and little else. */
const CONNECTIONS_MAX = 256
const REQUESTS_PER_CONNECTION_MAX = 10_000

/** Whoever tries tokens out cannot fill the log. */
const REFUSAL_LOG_BOUNDS = { linesMax: 10, periodMs: 60_000 } as const

/** For programs, not for browsers: nothing is to be shown, framed, guessed at or kept. */
const ANSWER_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const

/** Errors: `Failure` when it must not listen there; the system's own errors when it cannot. */
export async function startApiServer(options: ApiServerOptions, routes: RegisterRoutes): Promise<RunningApi> {
  const { host, port } = options.listen
  if (!isLoopback(host) && options.tls === null && !options.mayBeUnencrypted) {
    throw new Failure(
      `the API would send tokens readable beyond this machine on ${host}: give it a certificate and key`,
    )
  }
  const closing = new AbortController()
  const api = await createApiServer(options, routes, closing.signal)
  api.server.maxConnections = CONNECTIONS_MAX
  await api.listen({ host, port })
  const { address, family, port: portInUse } = api.server.address() as AddressInfo
  const scheme = options.tls === null ? 'http' : 'https'
  return {
    url: `${scheme}://${family === 'IPv6' ? `[${address}]` : address}:${portInUse}`,
    close: async () => {
      closing.abort()
      await api.close()
    },
  }
}

/** The server with its routes, not listening yet. */
export async function createApiServer(
  options: ApiServerOptions,
  routes: RegisterRoutes,
  closing: AbortSignal,
): Promise<Api> {
  const { tls, log, tokens } = options
  const limits = { maxHeaderSize: HEADER_BYTES_MAX, headersTimeout: HEADER_TIMEOUT_MS }
  const common = {
    // Where it listens, the server itself says.
    loggerInstance: log.child({}, { level: log.isLevelEnabled('warn') ? 'warn' : log.level }) as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: SILENCE_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    maxRequestsPerSocket: REQUESTS_PER_CONNECTION_MAX,
    exposeHeadRoutes: false,
    return503OnClosing: false,
    forceCloseConnections: 'idle' as const,
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => refuse(error, request, reply, log),
  }
  const server =
    tls === null
      ? Fastify({ ...common, http: limits })
      : Fastify({ ...common, https: { ...limits, cert: tls.certificate, key: tls.key } })
  const api = server as unknown as Api
  api.removeContentTypeParser('text/plain')
  api.setValidatorCompiler(compileValidator as never)
  api.setErrorHandler((error, request, reply) => refuse(error as Error, request, reply, log))
  api.setNotFoundHandler((request, reply) =>
    refuse(new HttpProblem(404, `there is no ${request.method} ${pathOf(request)}`), request, reply, log),
  )
  guard(api, { hasTls: tls !== null, hostNames: hostNamesOf(options) }, tokens, log)
  await registerOpenApi(api, options.version)
  await api.register(async (scope) => routes(scope, closing))
  await api.ready()
  return api
}

function hostNamesOf({ listen, hostNames }: ApiServerOptions): readonly string[] {
  return [listen.host, ...hostNames].map((name) => name.toLowerCase())
}

/** Ask everybody who they are before anything else is looked at. */
function guard(api: Api, browserGuard: BrowserGuard, tokens: Tokens, serverLog: Logger): void {
  const log = limitLog(serverLog, REFUSAL_LOG_BOUNDS, () => performance.now())
  api.decorateRequest('caller', null)
  api.addHook('onRoute', ({ config, method, url }) => {
    if (config?.access === undefined) throw new Error(`${method} ${url} does not say who may call it`)
  })
  api.addHook('onRequest', async (request, reply) => {
    reply.headers(ANSWER_HEADERS)
    const { host, origin, authorization } = request.headers
    demandOwnOrigin({ host, origin }, browserGuard)
    if (request.is404) return
    const { access } = request.routeOptions.config
    if (access === 'everybody') return
    try {
      const caller = callerOf(authorization, tokens)
      request.caller = caller
      demandRole(caller, access ?? 'administrator')
    } catch (error) {
      const asked = { remoteAddress: request.ip, method: request.method, path: pathOf(request) }
      log.warn({ ...asked, name: request.caller?.name ?? null }, 'the API refused somebody')
      throw error
    }
  })
}

function refuse(error: Error, request: FastifyRequest, reply: FastifyReply, log: Logger): void {
  const { details, headers } = explain(error, pathOf(request))
  if (details.status === 500)
    log.error({ err: error, method: request.method, path: details.instance }, 'a request failed')
  reply
    .code(details.status)
    .headers({ ...ANSWER_HEADERS, ...headers })
    .type(PROBLEM_MEDIA_TYPE)
    .serializer(JSON.stringify)
    .send(details)
}

function explain(
  error: Error,
  instance: string,
): { details: ProblemDetails; headers: Readonly<Record<string, string>> } {
  if (error instanceof HttpProblem) return refusalOf(error, instance)
  if (error instanceof VdsError) return refusalOfHresult(error, instance)
  const { statusCode, code } = error as FastifyError
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    const detail = FRAMEWORK_REFUSALS[code] ?? `the request is not possible: ${STATUS_CODES[statusCode] ?? code}`
    return refusalOf(new HttpProblem(statusCode, detail), instance)
  }
  return refusalOf(new HttpProblem(500, 'this is an error of the server: its log says more'), instance)
}

/** In our words, by the codes of Fastify. */
const FRAMEWORK_REFUSALS: Readonly<Record<string, string>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: `the body is too large: the most is ${BODY_BYTES_MAX} bytes`,
  FST_ERR_CTP_EMPTY_JSON_BODY: 'the body is empty: this takes a JSON object, at least {}',
  FST_ERR_CTP_INVALID_JSON_BODY: 'the body is not JSON',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'the body has to be application/json',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'the body is not as long as Content-Length says',
}

/** Without the query, which may hold anything. */
function pathOf({ url }: FastifyRequest): string {
  return url.split('?', 1)[0]!
}
