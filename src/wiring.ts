/**
 * Puts a server together: the data plane, the object model over the configuration in the store, and the API. Knows every
 * room and does nothing itself.
 */

import { resolve } from 'node:path'
import type { RunningApi } from './api/api.ts'
import { commandLineConfiguration } from './cli/command-line-configuration.ts'
import { startManagementApi } from './cli/management-api.ts'
import { LiveDataPlane } from './data-plane/live-data-plane.ts'
import { Failure } from './failure.ts'
import { LIMITS } from './limits.ts'
import type { Configuration, ObjectId, PortalRecord } from './management/configuration.ts'
import { VdsError } from './management/hresult.ts'
import { Management } from './management/management.ts'
import { MANAGEMENT_LIMITS } from './management/management-limits.ts'
import { mergeCommandLine } from './management/operations/merge-command-line.ts'
import type { Endpoint, RunningServer, ServerOptions } from './server-options.ts'

/** Start to serve. Errors: `Failure`, and the system's when a disk cannot be opened or an address cannot be listened on. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const dataPlane = createDataPlane(options)
  const store = options.store.configurationStore(MANAGEMENT_LIMITS.auditRowsMax)
  const management = new Management({ store, dataPlane })
  let api: RunningApi | null = null
  try {
    await startManagement(management, options)
    const failure = findFailure(dataPlane, management.configuration)
    if (failure !== null) throw failure
    if (options.api !== null)
      api = await startManagementApi(options.api, { ...options, management, metricsSource: dataPlane })
  } catch (error) {
    await dataPlane.drain(0).catch(() => {})
    throw error
  }
  const { configuration } = management
  return {
    endpoints: endpoints(configuration, false, dataPlane),
    tlsEndpoints: endpoints(configuration, true, dataPlane),
    apiUrl: api?.url ?? null,
    renewTls: (identity) => dataPlane.renewTls(identity),
    async drain() {
      await api?.close()
      await management.close()
      await dataPlane.drain()
    },
  }
}

function createDataPlane(options: ServerOptions): LiveDataPlane {
  const { dataDirectory, store, log, parameters = {}, portalGroupAccess = new Map() } = options
  return new LiveDataPlane({
    dataDirectory,
    savedStateOf: (guid) => store.savedStateOf({ guid }),
    lockedPaths: new Set(options.luns.map(({ path }) => resolve(dataDirectory, path))),
    limits: { ...LIMITS, ...options.limits },
    parameters,
    log,
    portalGroupAccess,
    redirection: options.redirection ?? null,
    isns: options.isns ?? null,
    tlsIdentity: options.tls?.identity ?? null,
  })
}

/** What the command line declares comes into the configuration, and all of it is served. */
async function startManagement(management: Management, options: ServerOptions): Promise<void> {
  try {
    await management.start((configuration, { mint }) =>
      mergeCommandLine(configuration, commandLineConfiguration(options, mint.objectId)),
    )
  } catch (error) {
    throw error instanceof VdsError ? new Failure(error.message, { cause: error }) : error
  }
}

/** What the command line declares is served as a whole, or not at all; of the rest, each object stands for itself. */
function findFailure(dataPlane: LiveDataPlane, { luns, portals }: Configuration): Error | null {
  const declared = [...luns.values(), ...portals.values()].filter(({ origin }) => origin === 'commandLine')
  const ids: ObjectId[] = declared.map(({ id }) => id)
  return ids.map((id) => dataPlane.failureOf(id)).find((failure) => failure !== null) ?? null
}

function endpoints({ portals }: Configuration, hasTls: boolean, dataPlane: LiveDataPlane): Endpoint[] {
  return [...portals.values()]
    .filter((portal) => portal.hasTls === hasTls && dataPlane.portalState(portal.id).status === 'online')
    .map((portal) => endpoint(portal, dataPlane))
}

function endpoint({ id, host, port }: PortalRecord, dataPlane: LiveDataPlane): Endpoint {
  return { host, port: dataPlane.portalState(id).port ?? port }
}
