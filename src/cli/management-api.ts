/** Starts the management API for `lunette serve`: its tokens from the store, its TLS files, and why it cannot listen. */

import type { Logger } from 'pino'
import { type RunningApi, startApi } from '../api/api.ts'
import { ensureLocalToken } from '../api/local-token.ts'
import type { MetricsSource } from '../api/metrics-source.ts'
import { Tokens } from '../api/tokens.ts'
import { causeOf, Failure, systemErrorCode } from '../failure.ts'
import type { Management } from '../management/management.ts'
import type { Store } from '../store/store.ts'
import { type ApiRequest, loadApiTls } from './api-request.ts'
import { formatEndpoint } from './listen-address.ts'

export interface ManagementApiParts {
  readonly management: Management
  readonly metricsSource: MetricsSource
  /** Real and absolute. */
  readonly dataDirectory: string
  readonly store: Pick<Store, 'apiTokens'>
  readonly log: Logger
  readonly version: string
}

/** Errors: `Failure`, naming what stands in the way and how to get round it. */
export async function startManagementApi(request: ApiRequest, parts: ManagementApiParts): Promise<RunningApi> {
  const { management, metricsSource, dataDirectory, store, log, version } = parts
  const tokens = new Tokens(store.apiTokens())
  ensureLocalToken(dataDirectory, tokens)
  const { listen } = request
  try {
    return await startApi({
      management,
      metricsSource,
      listen,
      tls: loadApiTls(request),
      mayBeUnencrypted: false,
      hostNames: [],
      tokens,
      log,
      version,
      scratchDirectory: dataDirectory,
    })
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error
    const reason = systemErrorCode(error) === 'EADDRINUSE' ? 'another program does' : causeOf(error)
    const advice = 'choose another address with --api-listen ADDRESS:PORT, or do without with --no-api'
    throw new Failure(`the API cannot listen on ${formatEndpoint(listen)}: ${reason}; ${advice}`, { cause: error })
  }
}
