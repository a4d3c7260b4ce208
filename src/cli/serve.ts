/**
 * `lunette serve`: prepare everything, start the server, say so, and see it to its end. The order of the preparations is
 * the order in which a person wants to hear of mistakes, and none of them touches a disk's bytes.
 */

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { isLoopback } from '../../protocol/ip-addresses.ts'
import type { AuthenticationPolicy } from '../../protocol/target-directory.ts'
import { causeOf, EXIT_CODE, Failure, systemErrorCode } from '../failure.ts'
import { createLog } from '../log.ts'
import { packageVersion } from '../package-version.ts'
import type { LunOptions, RunningServer, ServerOptions, StartServer, TlsOptions } from '../server-options.ts'
import { type DataDirectory, openDataDirectory } from '../store/data-directory.ts'
import { type Disk, type DiskRequest, prepareDisks } from '../store/disk-file.ts'
import { logicalUnitIdentity } from '../store/disk-identity.ts'
import type { Store } from '../store/store.ts'
import { announce } from './announcement.ts'
import { loadChapPolicy } from './chap-policy.ts'
import { formatEndpoint } from './listen-address.ts'
import { reachableHost } from './reachable-host.ts'
import type { ServeRequest } from './serve-request.ts'
import { listenForStopSignals, type StopSignals } from './stop-signals.ts'
import { loadTlsIdentity, watchTlsIdentity } from './tls-identity.ts'

/** What the command needs of the world around it. */
export interface ServeEnvironment {
  readonly startServer: StartServer
  readonly writeOut: (text: string) => void
  readonly writeError: (text: string) => void
  /** Ends the process at once. */
  readonly exitNow: (exitCode: number) => void
  /** How long an orderly stop may take before it is given up. */
  readonly drainTimeoutMs: number
}

export const DRAIN_TIMEOUT_MS = 30_000

const DEFAULT_DISK_NAME = 'disk-0.img'
const DEFAULT_DISK_SIZE_BYTES = 1024 ** 3
const TARGET_ALIAS = 'Lunette'

/** Serve until a signal asks to stop. Returns the exit code. Errors: `Failure` when it cannot start. */
export async function serve(request: ServeRequest, environment: ServeEnvironment): Promise<number> {
  const log = createLog(request.logLevel)
  const signals = listenForStopSignals(environment.exitNow)
  const authentication = loadAuthentication(request, log)
  const tls = loadTls(request, log)
  const storage = openStorage(request)
  const { disks } = storage
  const { path: dataDirectory, store } = storage.dataDirectory
  let server: RunningServer
  try {
    const targetName = request.targetName ?? store.targetName()
    server = await start(environment.startServer, {
      ...{ dataDirectory, store, version: packageVersion() },
      listen: request.listen,
      portalGroupAccess: request.portalGroupAccess,
      target: { name: targetName, alias: TARGET_ALIAS },
      luns: disks.map((disk, lun) => lunOptions(disk, lun, store, request)),
      api: request.api,
      authentication,
      log,
      limits: request.limits,
      parameters: request.parameters,
      redirection: request.redirection,
      isns: request.isns,
      tls,
    })
    environment.writeOut(announcement(request, server, targetName, disks))
    const listening = [...server.endpoints, ...server.tlsEndpoints].map(formatEndpoint)
    log.info({ listening, target: targetName, luns: disks.length, api: server.apiUrl }, 'serving')
  } catch (error) {
    storage.release()
    throw error
  }
  const stopWatching = request.tls === null ? () => {} : watchTlsIdentity(request.tls, server.renewTls, log)
  const isOrderly = await untilStopped(server, signals, environment, log)
  stopWatching()
  // After a stop that is not orderly writes may still be under way: then the locks last until the process is gone.
  if (isOrderly) storage.release()
  return isOrderly ? EXIT_CODE.ok : EXIT_CODE.failure
}

interface Storage {
  readonly dataDirectory: DataDirectory
  readonly disks: readonly Disk[]
  release(): void
}

function openStorage(request: ServeRequest): Storage {
  const dataDirectory = openDataDirectory(request.dataDirectory)
  try {
    const disks = prepareDisks(dataDirectory.store, diskRequests(request, dataDirectory))
    const release = () => {
      for (const disk of disks) disk.release()
      dataDirectory.close()
    }
    return { dataDirectory, disks, release }
  } catch (error) {
    dataDirectory.close()
    throw error
  }
}

function lunOptions(disk: Disk, lun: number, store: Store, request: ServeRequest): LunOptions {
  const { path, readOnly, record, deviceType, blockLengthBytes } = disk
  const physicalBlockBytes = Math.max(request.physicalBlockBytes ?? 0, blockLengthBytes)
  const isRemovable = request.isRemovable || deviceType === 'cdDvd'
  const identity = logicalUnitIdentity(record, deviceType)
  const { guid: id } = record
  const block = { blockLengthBytes, physicalBlockBytes }
  return { id, lun, path: store.pathKey(path), deviceType, ...block, isRemovable, readOnly, identity }
}

/** Who has made LUNs, and names no files, wants these: no default disk is made then, but one that is there is served. */
function diskRequests(request: ServeRequest, { path: dataDirectory, store }: DataDirectory): DiskRequest[] {
  const { sizeBytes, blockLengthBytes, readOnly, isCd, files } = request
  if (files.length > 0) return files.map((path) => ({ path, sizeBytes, blockLengthBytes, readOnly, isCd }))
  const path = join(dataDirectory, DEFAULT_DISK_NAME)
  if (store.hasManagedLuns() && !existsSync(path)) return []
  return [{ path, sizeBytes, sizeBytesIfAbsent: DEFAULT_DISK_SIZE_BYTES, blockLengthBytes, readOnly }]
}

function loadAuthentication(request: ServeRequest, log: Logger): AuthenticationPolicy {
  const { chapUsers, mutualChap, listen } = request
  if (chapUsers.length === 0) {
    const reachable = listen.find(({ host }) => !isLoopback(host))
    if (reachable !== undefined) {
      log.warn(`everybody who reaches ${formatEndpoint(reachable)} can read and change the disks: no authentication`)
    }
    return { kind: 'none' }
  }
  return loadChapPolicy(chapUsers, mutualChap, request.allowShortSecrets, log)
}

function loadTls({ tls, chapUsers }: ServeRequest, log: Logger): TlsOptions | null {
  if (tls === null) return null
  const { identity, warnings } = loadTlsIdentity(tls)
  for (const warning of warnings) log.warn(warning)
  const reachable = tls.listen.find(({ host }) => !isLoopback(host))
  if (reachable !== undefined && identity.clientCa === null && chapUsers.length === 0) {
    log.warn(`everybody who reaches ${formatEndpoint(reachable)} can read and change the disks: no authentication`)
  }
  return { listen: tls.listen, identity }
}

/** An error that comes from the system is for the person who started us; any other is our bug and passes. */
async function start(startServer: StartServer, options: ServerOptions): Promise<RunningServer> {
  try {
    return await startServer(options)
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error
    throw new Failure(cannotListen(error, options) ?? cannotOpen(error), { cause: error })
  }
}

function cannotOpen(error: unknown): string {
  const { path } = error as { path?: string }
  return path === undefined ? `cannot start: ${causeOf(error)}` : `cannot serve ${path}: ${causeOf(error)}`
}

/** Why the system refused a portal, with the way out; null when the error is about something else. */
function cannotListen(error: unknown, { tls }: ServerOptions): string | null {
  const { address = '', port = 0, hostname = '' } = error as { address?: string; port?: number; hostname?: string }
  const place = formatEndpoint({ host: address, port })
  const option = tls?.listen.some((portal) => portal.port === port) ? '--tls-listen' : '--listen'
  switch (systemErrorCode(error)) {
    case 'EADDRINUSE':
      return `cannot listen on ${place}: another program does; choose another port with ${option} ADDRESS:PORT`
    case 'EADDRNOTAVAIL':
      return `cannot listen on ${place}: this machine does not have that address`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `cannot listen on ${hostname}: no address is known for that name`
    case 'EACCES':
      if (address === '') return null
      return `cannot listen on ${place}: permission denied; ports below 1024 are for the administrator`
    default:
      return null
  }
}

function announcement(
  request: ServeRequest,
  server: RunningServer,
  targetName: string,
  disks: readonly Disk[],
): string {
  return announce({
    endpoints: server.endpoints,
    apiUrl: server.apiUrl,
    targetName,
    disks,
    chapUsers: request.chapUsers,
    mutualChap: request.mutualChap,
    redirection: request.redirection,
    tls: request.tls === null ? null : { endpoints: server.tlsEndpoints, request: request.tls },
    reachableHost,
  })
}

/** Returns whether everything ended and was written out. */
async function untilStopped(
  server: RunningServer,
  signals: StopSignals,
  environment: ServeEnvironment,
  log: Logger,
): Promise<boolean> {
  const signal = await signals.first
  log.info({ signal }, 'stopping: finishing what runs, then writing everything to disk')
  const timer = Promise.withResolvers<'timeout'>()
  const timeout = setTimeout(timer.resolve, environment.drainTimeoutMs, 'timeout')
  try {
    const outcome = await Promise.race([server.drain(), timer.promise])
    if (outcome !== 'timeout') return true
    const seconds = environment.drainTimeoutMs / 1000
    environment.writeError(
      `lunette: not everything had ended after ${seconds} s; acknowledged writes are with the operating system\n`,
    )
  } catch (error) {
    log.error({ err: error }, 'the orderly stop failed')
    environment.writeError(`lunette: the stop failed, a disk may not be written out: ${causeOf(error)}\n`)
  } finally {
    clearTimeout(timeout)
  }
  return false
}
