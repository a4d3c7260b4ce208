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
import type { TlsIdentity } from '../../protocol/transport/tls-acceptor.ts'
import type { BackingStore } from '../../scsi/backing/backing-store.ts'
import { CheckedStore } from '../../scsi/backing/checked.ts'
import { MemoryStore } from '../../scsi/backing/memory.ts'
import { LogicalUnit } from '../../scsi/logical-unit.ts'
import { ScsiTarget } from '../../scsi/target.ts'
import { Bridge } from '../../src/bridge.ts'
import { LIMITS, type Limits, loginPreferences, type PreferredParameters } from '../../src/limits.ts'
import { OneTargetDirectory } from './one-target-directory.ts'

export interface DiskOptions {
  readonly sizeBytes: number
  readonly blockLengthBytes?: 512 | 4096
  readonly readOnly?: boolean
  /** Puts another store around the one in memory. */
  readonly wrap?: (store: BackingStore) => BackingStore
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
  /** Instead of `chap`. */
  readonly authentication?: AuthenticationPolicy
  /** TargetAlias; none by default. */
  readonly alias?: string
  /** Over what the server negotiates for by default. */
  readonly parameters?: Partial<PreferredParameters>
  /** Over the bounds that the server has by default. */
  readonly limits?: Partial<Limits>
  readonly portalGroupTag?: number
  /** With it the target's port speaks TLS, and there is a plain one besides, in another portal group. */
  readonly tls?: TlsIdentity
}

export interface RunningTarget {
  readonly host: string
  readonly port: number
  readonly targetName: string
  /** Of a target with TLS, else that of every connection. */
  readonly plainPort: number
  /** What was logged as a warning, with its fields, oldest first. */
  readonly warnings: readonly string[]
  /** What the node knows of its target: where it can be reached, and whether it has moved. */
  readonly directory: OneTargetDirectory
  /** The node behind the port, to look at its sessions and pools. */
  readonly node: IscsiServer
  close(): Promise<void>
}

const HOST = '127.0.0.1'
const TARGET_NAME = 'iqn.2026-01.test.lunette:disk'
const DEFAULT_DISKS: readonly DiskOptions[] = [{ sizeBytes: 8 * 1024 * 1024 }]
/** How long the last write callbacks of closed sockets may take to give their buffers back. */
const CLEAN_WITHIN_MS = 2_000

/** Initiators of tests are destroyed rather than logged out, so that nobody would answer. */
const NO_LOGOUT_REQUEST = { logoutRequestTimeoutMs: 0 }

/** Start serving on 127.0.0.1. */
export async function startTarget(options: TargetOptions): Promise<RunningTarget> {
  const limits: Limits = {
    ...LIMITS,
    drainTimeoutMs: 500,
    closeTimeoutMs: 1_000,
    ...NO_LOGOUT_REQUEST,
    ...options.limits,
  }
  const portalGroupTag = options.portalGroupTag ?? 1
  const errors: string[] = []
  const warnings: string[] = []
  const log = keepingLog(errors, warnings)
  const target = new ScsiTarget({
    logicalUnits: new Map((options.disks ?? DEFAULT_DISKS).map((disk, lun) => [lun, logicalUnit(disk, lun)])),
    onInternalError: (error) => log.error({ err: error }, 'internal error in a command'),
  })
  const directory = new OneTargetDirectory(
    { name: TARGET_NAME, alias: options.alias ?? '' },
    options.authentication ?? authentication(options.chap),
  )
  const node = new IscsiServer({
    limits,
    preferences: loginPreferences(limits, options.parameters),
    directory,
    scsi: new Bridge(new Map([[TARGET_NAME, target]])),
    randomBytes,
    processorCount: availableParallelism(),
    log,
  })
  const plainTag = options.tls === undefined ? portalGroupTag : portalGroupTag + 1
  const plainPort = await node.openPortal({ id: `${plainTag}`, host: HOST, port: 0 })
  directory.addPortal({ host: HOST, port: plainPort, portalGroupTag: plainTag })
  const port =
    options.tls === undefined
      ? plainPort
      : await node.openPortal({ id: `${portalGroupTag}`, host: HOST, port: 0, identity: options.tls })
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
    plainPort,
    warnings,
    directory,
    node,
    close() {
      closing ??= close()
      return closing
    },
  }
}

function logicalUnit(disk: DiskOptions, lun: number): LogicalUnit {
  const { sizeBytes, blockLengthBytes = 512, readOnly = false, wrap = (store) => store } = disk
  const naa = Buffer.from('63000000000000000000000000000000', 'hex')
  naa[15] = lun
  const identity = { vendor: 'LUNETTE', product: 'TEST DISK', revision: '1', serialNumber: `TEST-${lun}`, naa }
  return new LogicalUnit(
    { identity, blockLengthBytes, isReadOnly: readOnly },
    new CheckedStore(wrap(new MemoryStore(sizeBytes))),
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

/** Keeps warnings, and what is logged as an error: a server that is only mistreated by its peers logs none of those. */
function keepingLog(errors: string[], warnings: string[]): ProtocolLog {
  const ignore = () => {}
  return {
    debug: ignore,
    info: ignore,
    warn: (fields, message) => void warnings.push(`${message} ${JSON.stringify(fields)}`),
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
