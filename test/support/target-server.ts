/**
 * A whole target server on a port of its own with disks in memory, for tests that talk to it over the wire: the parts
 * that `src/wiring.ts` puts together, with the knobs that tests need. Closing it checks that it is left clean: every
 * buffer back in its pool, no session over, and no internal error logged while it ran.
 */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ProtocolLog } from '../../protocol/node-context.ts'
import type { AuthenticationPolicy } from '../../protocol/target-directory.ts'
import { IscsiServer } from '../../protocol/transport/iscsi-server.ts'
import { CheckedStore } from '../../scsi/backing/checked.ts'
import { MemoryStore } from '../../scsi/backing/memory.ts'
import { LogicalUnit } from '../../scsi/logical-unit.ts'
import { ScsiTarget } from '../../scsi/target.ts'
import { Bridge } from '../../src/bridge.ts'
import { LIMITS, type Limits, loginPreferences } from '../../src/limits.ts'
import { SingleTargetDirectory } from '../../src/single-target-directory.ts'

export interface DiskOptions {
  readonly sizeBytes: number
  readonly blockLengthBytes?: 512 | 4096
  readonly readOnly?: boolean
}

export interface TargetOptions {
  /** LUN 0 upwards; by default one disk of 8 MiB with 512-byte blocks. */
  readonly disks?: readonly DiskOptions[]
  readonly chap?: {
    readonly user: string
    readonly secret: string
    readonly targetUser?: string
    readonly targetSecret?: string
  }
  /** Over the bounds that the server has by default. */
  readonly limits?: Partial<Limits>
  readonly portalGroupTag?: number
}

export interface RunningTarget {
  readonly host: string
  readonly port: number
  readonly targetName: string
  /** The node behind the port, to look at its sessions and pools. */
  readonly node: IscsiServer
  close(): Promise<void>
}

const HOST = '127.0.0.1'
const TARGET_NAME = 'iqn.2026-01.test.lunette:disk'
const DEFAULT_DISKS: readonly DiskOptions[] = [{ sizeBytes: 8 * 1024 * 1024 }]
/** How long the last write callbacks of closed sockets may take to give their buffers back. */
const CLEAN_WITHIN_MS = 2_000

/** Start serving on 127.0.0.1. */
export async function startTarget(options: TargetOptions): Promise<RunningTarget> {
  const limits: Limits = { ...LIMITS, drainTimeoutMs: 500, closeTimeoutMs: 1_000, ...options.limits }
  const portalGroupTag = options.portalGroupTag ?? 1
  const errors: string[] = []
  const log = errorLog(errors)
  const target = new ScsiTarget({
    logicalUnits: new Map((options.disks ?? DEFAULT_DISKS).map((disk, lun) => [lun, logicalUnit(disk, lun)])),
    onInternalError: (error) => log.error({ err: error }, 'internal error in a command'),
  })
  const directory = new SingleTargetDirectory({ name: TARGET_NAME, alias: '' }, authentication(options.chap))
  const node = new IscsiServer({
    limits,
    preferences: loginPreferences(limits),
    directory,
    scsi: new Bridge(new Map([[TARGET_NAME, target]])),
    randomBytes,
    processorCount: availableParallelism(),
    log,
  })
  const port = await node.listen(HOST, 0, portalGroupTag)
  directory.addPortal({ host: HOST, port, portalGroupTag })
  let closing: Promise<void> | null = null
  async function close(): Promise<void> {
    await node.drain(limits.drainTimeoutMs)
    await expectClean(node)
    assert.deepEqual(errors, [], 'internal errors while the target ran')
  }
  return {
    host: HOST,
    port,
    targetName: TARGET_NAME,
    node,
    close() {
      closing ??= close()
      return closing
    },
  }
}

function logicalUnit({ sizeBytes, blockLengthBytes = 512, readOnly = false }: DiskOptions, lun: number): LogicalUnit {
  const naa = Buffer.from('63000000000000000000000000000000', 'hex')
  naa[15] = lun
  const identity = { vendor: 'LUNETTE', product: 'TEST DISK', revision: '1', serialNumber: `TEST-${lun}`, naa }
  return new LogicalUnit(
    { identity, blockLengthBytes, isReadOnly: readOnly },
    new CheckedStore(new MemoryStore(sizeBytes)),
  )
}

function authentication(chap: TargetOptions['chap']): AuthenticationPolicy {
  if (chap === undefined) return { kind: 'none' }
  const { user, secret, targetUser, targetSecret } = chap
  const hasOwn = targetUser !== undefined && targetSecret !== undefined
  return {
    kind: 'chap',
    initiators: [{ user, secret: Buffer.from(secret) }],
    target: hasOwn ? { user: targetUser, secret: Buffer.from(targetSecret) } : null,
  }
}

/** Keeps what is logged as an error: a server that is only mistreated by its peers logs none. */
function errorLog(errors: string[]): ProtocolLog {
  const ignore = () => {}
  return {
    debug: ignore,
    info: ignore,
    warn: ignore,
    error: (fields, message) => {
      const { err } = fields as { err?: Error }
      errors.push(`${message}${err === undefined ? '' : `: ${err.stack ?? err}`}`)
    },
  }
}

async function expectClean({ context }: IscsiServer): Promise<void> {
  const left = () => ({
    sessions: [...context.sessions.sessions()].length,
    headers: context.headers.takenCount,
    slots: context.slots.takenCount,
    tasks: context.tasks.takenCount,
  })
  const deadlineMs = performance.now() + CLEAN_WITHIN_MS
  while (Object.values(left()).some((count) => count > 0) && performance.now() < deadlineMs) await sleep(5)
  assert.deepEqual(left(), { sessions: 0, headers: 0, slots: 0, tasks: 0 }, 'what a closed target still holds')
}
