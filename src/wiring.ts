/**
 * Puts a server together: the data plane, and the configuration that the command line declares. Knows every room and does
 * nothing itself.
 */

import { randomUUID } from 'node:crypto'
import { commandLineConfiguration } from './cli/command-line-configuration.ts'
import { LiveDataPlane } from './data-plane/live-data-plane.ts'
import { LIMITS } from './limits.ts'
import type { Configuration, ObjectId, PortalRecord } from './management/configuration.ts'
import type { Endpoint, RunningServer, ServerOptions } from './server-options.ts'

/** Start to serve. Errors: the system's, when a disk cannot be opened or an address cannot be listened on. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { log, parameters = {}, portalGroupAccess = new Map(), redirection = null, isns = null } = options
  const savedStates = new Map(options.luns.map(({ id, savedState }) => [id, savedState]))
  const dataPlane = new LiveDataPlane({
    dataDirectory: process.cwd(),
    savedStateOf: (id) => savedStates.get(id)!,
    lockedPaths: new Set(options.luns.map(({ path }) => path)),
    limits: { ...LIMITS, ...options.limits },
    parameters,
    log,
    portalGroupAccess,
    redirection,
    isns,
    tlsIdentity: options.tls?.identity ?? null,
  })
  const configuration = commandLineConfiguration(options, randomUUID)
  await dataPlane.apply(configuration)
  const failure = findFailure(dataPlane, configuration)
  if (failure !== null) {
    await dataPlane.drain(0).catch(() => {})
    throw failure
  }
  const portals = [...configuration.portals.values()]
  const endpointsOf = (hasTls: boolean) =>
    portals.filter((portal) => portal.hasTls === hasTls).map((portal) => endpoint(portal, dataPlane))
  return {
    endpoints: endpointsOf(false),
    tlsEndpoints: endpointsOf(true),
    renewTls: (identity) => dataPlane.renewTls(identity),
    drain: () => dataPlane.drain(),
  }
}

/** What the command line declares is served as a whole, or not at all. */
function findFailure(dataPlane: LiveDataPlane, { luns, portals }: Configuration): Error | null {
  const ids: ObjectId[] = [...luns.keys(), ...portals.keys()]
  return ids.map((id) => dataPlane.failureOf(id)).find((failure) => failure !== null) ?? null
}

function endpoint({ id, host, port }: PortalRecord, dataPlane: LiveDataPlane): Endpoint {
  return { host, port: dataPlane.portalState(id).port ?? port }
}
