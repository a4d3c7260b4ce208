/**
 * Puts a server together: stores, logical units, the SCSI target, the bridge, the iSCSI side. Knows every room and does
 * nothing itself.
 */

import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import type { Logger } from 'pino'
import type { PortalAddress } from '../protocol/target-directory.ts'
import { IscsiServer } from '../protocol/transport/iscsi-server.ts'
import type { BackingStore } from '../scsi/backing/backing-store.ts'
import { CheckedStore } from '../scsi/backing/checked.ts'
import { DiskFileError } from '../scsi/backing/disk-file.ts'
import { openRawFile } from '../scsi/backing/raw-file.ts'
import { CopyManager } from '../scsi/copy/copy-manager.ts'
import type { ErasurePace } from '../scsi/erasure.ts'
import { LogicalUnit } from '../scsi/logical-unit.ts'
import { ScsiTarget } from '../scsi/target.ts'
import { Bridge } from './bridge.ts'
import { Failure } from './failure.ts'
import { IsnsService } from './isns.ts'
import { limitLog } from './limited-log.ts'
import { LIMITS, loginPreferences } from './limits.ts'
import { accessByTargetPort, targetPort } from './portal-groups.ts'
import type { LunOptions, RunningServer, ServerOptions } from './server-options.ts'
import { SingleTargetDirectory } from './single-target-directory.ts'

/** How often the disks are compared with the thresholds of space that initiators may have set. */
const SPACE_CHECK_PERIOD_MS = 10_000

/**
 * FORMAT UNIT and SANITIZE write patterns as fast as a hard disk would: other disks on the same medium, and the page cache
 * that all of them share, are still of use meanwhile.
 */
const ERASURE_PACE: ErasurePace = {
  bytesPerSecond: 160 * 2 ** 20,
  wait: (resume, delayMs) => void setTimeout(resume, delayMs).unref(),
}

/** Start to serve. Errors: the system's, when a disk cannot be opened or an address cannot be listened on. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { log } = options
  const limits = { ...LIMITS, ...options.limits }
  const stores: BackingStore[] = []
  try {
    const groupAccess = accessByTargetPort(options.portalGroupAccess ?? new Map())
    const logicalUnits = new Map<number, LogicalUnit>()
    // An initiator reaches all disks through one nexus: that is all that it can copy from and to.
    const copyManager = new CopyManager({ randomBytes })
    for (const lun of options.luns) {
      const store = await openStore(lun, log)
      stores.push(store)
      const logicalUnit = new LogicalUnit(
        { ...lun, isReadOnly: lun.readOnly, groupAccess, copyManager, erasurePace: ERASURE_PACE },
        store,
      )
      await undoTornWrite(logicalUnit, lun.path)
      logicalUnit.erasure.resume()
      logicalUnits.set(lun.lun, logicalUnit)
    }
    const portals = [...options.listen, ...(options.tls?.listen ?? [])]
    const portalGroupTags = new Set(portals.map(({ portalGroupTag }) => portalGroupTag))
    const target = new ScsiTarget({
      logicalUnits,
      targetPorts: [...portalGroupTags].map((tag) => targetPort(options.target.name, tag)),
      onInternalError: (error, command) =>
        log.error({ err: error, command: command.definition?.name }, 'internal error in a command'),
    })
    const directory = new SingleTargetDirectory(options.target, options.authentication)
    directory.redirect(options.redirection ?? null)
    const limitedLog = limitLog(log, { linesMax: limits.logLinesMax, periodMs: limits.logPeriodMs }, () =>
      performance.now(),
    )
    const isns = options.isns ? new IsnsService(options.isns, [options.target], limitedLog) : null
    const server = new IscsiServer({
      limits,
      preferences: loginPreferences(limits, options.parameters),
      directory: isns?.guard(directory) ?? directory,
      scsi: new Bridge(new Map([[options.target.name, target]])),
      randomBytes,
      processorCount: availableParallelism(),
      log: limitedLog,
    })
    const { endpoints, tlsEndpoints } = await listen(server, directory, options)
    await isns?.start(endpoints)
    const spaceTimer = setInterval(() => {
      for (const { provisioningWatch } of logicalUnits.values()) provisioningWatch.check()
    }, SPACE_CHECK_PERIOD_MS).unref()
    return {
      endpoints,
      tlsEndpoints,
      renewTls: (identity) => server.renewTls(identity),
      async drain() {
        clearInterval(spaceTimer)
        await isns?.stop()
        await server.drain(limits.drainTimeoutMs)
        await closeStores(stores)
      },
    }
  } catch (error) {
    await closeStores(stores).catch(() => {})
    throw error
  }
}

/** Errors: `Failure` with a sentence for the administrator. */
async function openStore({ path, readOnly }: LunOptions, log: Logger): Promise<BackingStore> {
  try {
    const store = await openRawFile(path, { isReadOnly: readOnly })
    return new CheckedStore(store, (violation) => log.error({ err: violation, path }, 'internal error in a disk'))
  } catch (error) {
    throw error instanceof DiskFileError ? new Failure(error.message) : error
  }
}

/** An atomic write that the end of the last process cut in two goes back before anybody reads. Errors: `Failure`. */
function undoTornWrite({ atomicWriter }: LogicalUnit, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    atomicWriter.recover((error) => {
      if (error === null) resolve()
      else reject(new Failure(`cannot serve ${path}: an unfinished atomic write could not be undone: ${error.message}`))
    })
  })
}

/** Portals with TLS are announced to nobody: who came in without it cannot use them, who came in with it has found one. */
async function listen(
  server: IscsiServer,
  directory: SingleTargetDirectory,
  options: ServerOptions,
): Promise<{ readonly endpoints: PortalAddress[]; readonly tlsEndpoints: PortalAddress[] }> {
  const endpoints: PortalAddress[] = []
  const tlsEndpoints: PortalAddress[] = []
  try {
    for (const { host, port, portalGroupTag } of options.listen) {
      const portal = { host, port: await server.listen(host, port, portalGroupTag), portalGroupTag }
      directory.addPortal(portal)
      endpoints.push(portal)
    }
    for (const { host, port, portalGroupTag } of options.tls?.listen ?? []) {
      const actualPort = await server.listen(host, port, portalGroupTag, options.tls?.identity)
      tlsEndpoints.push({ host, port: actualPort, portalGroupTag })
    }
  } catch (error) {
    await server.drain(0)
    throw error
  }
  return { endpoints, tlsEndpoints }
}

/** Flush and close every disk, also when one of them fails; the first failure is reported. */
async function closeStores(stores: readonly BackingStore[]): Promise<void> {
  const failures: string[] = []
  await Promise.all(
    stores.map(
      (store) =>
        new Promise<void>((resolve) =>
          store.close((error) => {
            if (error !== null) failures.push(error.message)
            resolve()
          }),
        ),
    ),
  )
  if (failures.length > 0) throw new Error(failures.join('; '))
}
