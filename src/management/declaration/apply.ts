/**
 * Plan and apply of declarations on a running array. An apply is one commit: files of new LUNs are made before it, noted as
 * doomed until it is done, so that whatever fails and whenever the process ends there is the old configuration or the new
 * one, and no file that nobody knows.
 */

import type { Configuration } from '../configuration.ts'
import type { Actor } from '../configuration-store.ts'
import { VdsError } from '../hresult.ts'
import { mintLunIdentity } from '../lun-creation.ts'
import { fromDataPlane, isOwnStorage } from '../lun-storage.ts'
import type { Call, Management } from '../management.ts'
import type { Draft, NewFile, Surroundings } from './draft.ts'
import { type DeclarationOptions, foldDeclaration } from './fold.ts'
import { type PlannedChange, planOf } from './plan.ts'
import type { Declaration } from './schema.ts'

/** Files that are made at a time. */
const FILES_AT_ONCE_MAX = 16

export interface AppliedDeclaration {
  readonly changes: readonly PlannedChange[]
  readonly generation: number
}

/** What an apply would change now. Errors: `VdsError`, as of the apply, but for what only the disk can refuse. */
export function planDeclaration(
  management: Management,
  declaration: Declaration,
  options: DeclarationOptions = {},
): PlannedChange[] {
  return planOf(management.read(), foldInto(management, declaration, options))
}

/**
 * Make the array what the declaration says, all of it or nothing. Returns what was changed once it is served.
 * Errors: `VdsError` of the operations; VDS_E_ANOTHER_CALL_IN_PROGRESS when somebody else changed the configuration meanwhile;
 * VDS_E_NOT_ENOUGH_SPACE and others of new files. Nothing has changed then.
 */
export async function applyDeclaration(
  management: Management,
  actor: Actor,
  declaration: Declaration,
  options: DeclarationOptions = {},
): Promise<AppliedDeclaration> {
  const call: Call = { actor, method: 'Configuration.apply', arguments: { ...options } }
  const before = management.read()
  const draft = await management.audited(call, async () => {
    const folded = foldInto(management, declaration, options)
    await demandSpace(management, folded)
    return folded
  })
  const changes = planOf(before, draft)
  const undo: (() => Promise<void>)[] = []
  try {
    await management.audited(call, () => prepare(management, draft, undo))
    const { applied, configuration } = await management.commit(
      call,
      (current) => ({ configuration: unlessChanged(before, current, draft), result: undefined, hresult: 'S_OK' }),
      () => doomedFiles(before, draft),
    )
    undo.length = 0
    await applied
    for (const file of doomedFiles(before, draft)) await management.storage.discard(file)
    return { changes, generation: configuration.generation }
  } catch (error) {
    for (const step of undo.reverse()) await step().catch(() => undefined)
    throw error
  }
}

function foldInto(management: Management, declaration: Declaration, options: DeclarationOptions): Draft {
  let folded: Draft | null = null
  management.attempt((configuration, rules) => {
    const surroundings: Surroundings = {
      rules,
      sizeOf: (id) => management.dataPlane.lunState(id).sizeBytes,
      existingFile: (path, isReadOnly) => management.existingFile(path, isReadOnly),
      mintIdentity: () => mintLunIdentity(management.mintObjectId()),
    }
    folded = foldDeclaration(configuration, declaration, options, surroundings)
    return { configuration: folded.configuration, result: undefined, hresult: 'S_OK' }
  })
  return folded!
}

/** A thin file always fits when it is made, so somebody has to look whether it could ever be filled. */
async function demandSpace({ dataPlane }: Management, { newFiles, growths }: Draft): Promise<void> {
  if (newFiles.length === 0 && growths.length === 0) return
  const freeBytes = await dataPlane.freeBytes()
  const largest = Math.max(
    ...newFiles.map(({ sizeBytes }) => sizeBytes),
    ...growths.map(({ fromBytes, toBytes }) => toBytes - fromBytes),
  )
  if (largest > freeBytes) {
    throw new VdsError(
      'VDS_E_NOT_ENOUGH_SPACE',
      `there is room for ${freeBytes} bytes, and a LUN is to take ${largest}`,
    )
  }
}

/** Everything that has to be there when the commit is; `undo` gets how to take each step back. */
async function prepare(management: Management, draft: Draft, undo: (() => Promise<void>)[]): Promise<void> {
  await eachOf(draft.newFiles, async ({ lun, sizeBytes }: NewFile) => {
    await management.storage.create(lun, sizeBytes)
    undo.push(() => management.storage.discard(lun))
  })
  for (const { id, fromBytes, toBytes } of draft.growths) {
    try {
      await management.dataPlane.resize(id, toBytes, { mayDiscardData: false })
    } catch (error) {
      throw fromDataPlane(error)
    }
    // What an initiator has written to the new end meanwhile holds data, and then the size stays.
    undo.push(() => management.dataPlane.resize(id, fromBytes, { mayDiscardData: false }))
  }
}

/** Some at a time. After a failure no further one is begun, and those that run are waited for. */
async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values()
  let hasFailed = false
  const worker = async () => {
    for (const item of rest) {
      if (hasFailed) return
      try {
        await work(item)
      } catch (error) {
        hasFailed = true
        throw error
      }
    }
  }
  const ends = await Promise.allSettled(Array.from({ length: FILES_AT_ONCE_MAX }, worker))
  const failed = ends.find((end) => end.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}

function unlessChanged(before: Configuration, current: Configuration, { configuration }: Draft): Configuration {
  if (current === before) return configuration
  throw new VdsError(
    'VDS_E_ANOTHER_CALL_IN_PROGRESS',
    'the configuration was changed by somebody else meanwhile: nothing was applied, try again',
  )
}

/** LUNs that go take the files with them that the array made. */
function doomedFiles(before: Configuration, { configuration }: Draft) {
  return [...before.luns.values()].filter((lun) => !configuration.luns.has(lun.id) && isOwnStorage(lun))
}
