/**
 * Plan and apply of declarations on a running array. An apply is one commit: files of new LUNs are made before it, noted as
 * doomed until it is done, so that whatever fails and whenever the process ends there is the old configuration or the new
 * one, and no file that nobody knows.
 */

import type { Configuration } from '../configuration.ts'
import { VdsError } from '../hresult.ts'
import { mintLunIdentity } from '../lun-creation.ts'
import { turnOfLun } from '../lun-sizes.ts'
import { isOwnStorage } from '../lun-storage.ts'
import type { Call, Management } from '../management.ts'
import type { EndTurn } from '../turns.ts'
import type { Draft, Surroundings } from './draft.ts'
import { type DeclarationOptions, foldDeclaration } from './fold.ts'
import { type PlannedChange, planOf } from './plan.ts'
import type { Declaration } from './schema.ts'

/** Who applies, and what they want to be sure of. */
export type Applicant = Pick<Call, 'actor' | 'precondition'>

export interface AppliedDeclaration {
  readonly changes: readonly PlannedChange[]
  /** As it was committed, before anybody else changed something. */
  readonly configuration: Configuration
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
 * Errors: `VdsError` of the operations; VDS_E_ANOTHER_CALL_IN_PROGRESS when the configuration was changed meanwhile;
 * VDS_E_NOT_ENOUGH_SPACE and others of new files. Nothing has changed then.
 */
export async function applyDeclaration(
  management: Management,
  applicant: Applicant,
  declaration: Declaration,
  options: DeclarationOptions = {},
): Promise<AppliedDeclaration> {
  const call: Call = { ...applicant, method: 'Configuration.apply', arguments: { ...options } }
  const before = management.read()
  const undo: (() => Promise<void>)[] = []
  const turns: EndTurn[] = []
  try {
    const draft = await management.audited(call, async () => {
      applicant.precondition?.(before)
      const folded = foldInto(management, declaration, options)
      await demandSpace(management, folded)
      await prepare(management, folded, turns, undo)
      return folded
    })
    const doomed = doomedFiles(before, draft)
    const { applied, configuration } = await management.commit(
      call,
      (current) => ({ configuration: unlessChanged(before, current, draft), result: undefined, hresult: 'S_OK' }),
      () => doomed,
      draft.growths,
    )
    undo.length = 0
    await applied
    for (const file of doomed) await management.storage.discard(file)
    return { changes: planOf(before, draft), configuration }
  } catch (error) {
    for (const step of undo.reverse()) await step().catch(() => undefined)
    throw error
  } finally {
    for (const endTurn of turns) endTurn()
  }
}

function foldInto(management: Management, declaration: Declaration, options: DeclarationOptions): Draft {
  return management.attempt((configuration, rules) => {
    const surroundings: Surroundings = {
      rules,
      sizeOf: (id) => management.dataPlane.lunState(id).sizeBytes,
      existingFile: (path, isReadOnly) => management.existingFile(path, isReadOnly),
      mintIdentity: () => mintLunIdentity(management.mintObjectId()),
    }
    const result = foldDeclaration(configuration, declaration, options, surroundings)
    return { configuration: result.configuration, result, hresult: 'S_OK' }
  }).result
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

/**
 * Everything that has to be there when the commit is. A LUN grows when nobody else changes its size; `turns` gets what lets
 * others go on, `undo` how to take each step back.
 */
async function prepare(
  management: Management,
  { newFiles, growths }: Draft,
  turns: EndTurn[],
  undo: (() => Promise<void>)[],
): Promise<void> {
  const { dataPlane, storage } = management
  await storage.createAll(newFiles)
  undo.push(
    ...newFiles.map(
      ({ lun }) =>
        () =>
          storage.discard(lun),
    ),
  )
  if (growths.length === 0) return
  // In an order that all applies share.
  for (const { id, fromBytes } of growths.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
    turns.push(await management.takeTurn(turnOfLun(id), () => undefined))
    if (dataPlane.lunState(id).sizeBytes !== fromBytes) throw changedMeanwhile()
  }
  undo.push(() => storage.shrinkAgain(growths))
  await storage.growAll(growths)
}

function unlessChanged(before: Configuration, current: Configuration, { configuration }: Draft): Configuration {
  if (current === before) return configuration
  throw changedMeanwhile()
}

function changedMeanwhile(): VdsError {
  return new VdsError(
    'VDS_E_ANOTHER_CALL_IN_PROGRESS',
    'the configuration was changed by somebody else meanwhile: nothing was applied, try again',
  )
}

/** LUNs that go take the files with them that the array made. */
function doomedFiles(before: Configuration, { configuration }: Draft) {
  return [...before.luns.values()].filter((lun) => !configuration.luns.has(lun.id) && isOwnStorage(lun))
}
