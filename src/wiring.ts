/**
 * Puts a server together: stores, logical units, the SCSI target, the bridge, the iSCSI side. Knows every room and does
 * nothing itself.
 */

import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import type { Logger } from 'pino'
import { IscsiServer } from '../protocol/transport/iscsi-server.ts'
import type { BackingStore } from '../scsi/backing/backing-store.ts'
import { CheckedStore } from '../scsi/backing/checked.ts'
import { DiskFileError } from '../scsi/backing/disk-file.ts'
import { openRawFile } from '../scsi/backing/raw-file.ts'
import { LogicalUnit } from '../scsi/logical-unit.ts'
import { ScsiTarget } from '../scsi/target.ts'
import { Bridge } from './bridge.ts'
import { Failure } from './failure.ts'
import { limitLog } from './limited-log.ts'
import { LIMITS, loginPreferences } from './limits.ts'
import type { Endpoint, LunOptions, RunningServer, ServerOptions } from './server-options.ts'
import { SingleTargetDirectory } from './single-target-directory.ts'

const PORTAL_GROUP_TAG = 1

/** Start to serve. Errors: the system's, when a disk cannot be opened or an address cannot be listened on. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { log } = options
  const limits = { ...LIMITS, ...options.limits }
  const stores: BackingStore[] = []
  try {
    const logicalUnits = new Map<number, LogicalUnit>()
    for (const lun of options.luns) {
      const store = await openStore(lun, log)
      stores.push(store)
      logicalUnits.set(lun.lun, new LogicalUnit({ ...lun, isReadOnly: lun.readOnly }, store))
    }
    const target = new ScsiTarget({
      logicalUnits,
      onInternalError: (error, command) =>
        log.error({ err: error, command: command.definition?.name }, 'internal error in a command'),
    })
    const directory = new SingleTargetDirectory(options.target, options.authentication)
    const server = new IscsiServer({
      limits,
      preferences: loginPreferences(limits),
      directory,
      scsi: new Bridge(new Map([[options.target.name, target]])),
      randomBytes,
      processorCount: availableParallelism(),
      log: limitLog(log, { linesMax: limits.logLinesMax, periodMs: limits.logPeriodMs }, () => performance.now()),
    })
    const endpoints = await listen(server, directory, options.listen)
    return {
      endpoints,
      async drain() {
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

async function listen(
  server: IscsiServer,
  directory: SingleTargetDirectory,
  wanted: readonly Endpoint[],
): Promise<Endpoint[]> {
  const endpoints: Endpoint[] = []
  try {
    for (const { host, port } of wanted) {
      const actualPort = await server.listen(host, port, PORTAL_GROUP_TAG)
      directory.addPortal({ host, port: actualPort, portalGroupTag: PORTAL_GROUP_TAG })
      endpoints.push({ host, port: actualPort })
    }
  } catch (error) {
    await server.drain(0)
    throw error
  }
  return endpoints
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
