/**
 * The mode pages' values of one logical unit (SPC-4, mode page policy: shared by all I_T nexuses): default, current and
 * saved ones, and what the current ones mean, decoded once for those that act on it with every command. MODE SENSE reads
 * them, MODE SELECT changes them; a reset goes back to the saved values. Values are kept in wire format.
 *
 * What is saved is taken back field by field: a bit that is not changeable (any more) has its default value, and pages of
 * another length are passed over, so that state which another version wrote can not put a disk into a state that MODE
 * SELECT could not.
 */

import type { LogicalUnitProperties } from './logical-unit-properties.ts'
import {
  CACHING,
  CONTROL,
  CONTROL_EXTENSION,
  EXCEPTION_REPORTING,
  INFORMATIONAL_EXCEPTIONS_CONTROL,
  LOGICAL_BLOCK_PROVISIONING,
  MODE_PAGES,
  type ModePage,
  modePageBytes,
  modePageChangeableMask,
  modePageDefaults,
  modePageHeaderBytes,
  modePagesOf,
  PAGE_CONTROL,
  QUEUE_ERROR_MANAGEMENT,
  SPF,
  TASK_SET_TYPE,
  UNIT_ATTENTION_INTERLOCK,
} from './pages/mode-pages.ts'
import { readNumber } from './pages/parameter-fields.ts'
import type { SavedState } from './saved-state.ts'
import type { SenseFormat } from './sense.ts'

const SAVED_STATE_KEY = 'modePages'

/** A page that a MODE SELECT wants changed, with all its values as they are to be. */
export interface ModePageChange {
  readonly page: ModePage
  readonly values: Buffer
}

/** A threshold of logical block provisioning (SBC-3). */
export interface ProvisioningThreshold {
  readonly isEnabled: boolean
  /** THRESHOLD COUNT, in threshold sets. */
  readonly count: number
}

interface PageValues {
  readonly page: ModePage
  readonly defaults: Buffer
  readonly changeable: Buffer
  current: Buffer
  saved: Buffer
}

export class ModeSettings {
  /** WCE: writes may end before they are durable. */
  isWriteCacheEnabled = false
  /** SWP. */
  isSoftwareWriteProtected = false
  /** D_SENSE. */
  senseFormat: SenseFormat = 'fixed'
  /** TST 001b: each I_T nexus has a task set of its own. */
  hasTaskSetPerNexus = false
  /** QERR. */
  queueErrorManagement: number = QUEUE_ERROR_MANAGEMENT.NONE
  /** UA_INTLCK_CTRL. */
  unitAttentionInterlock: number = UNIT_ATTENTION_INTERLOCK.CLEAR
  /** TMF_ONLY: in an auto contingent allegiance no command is processed, not even one with the ACA attribute. */
  isTaskManagementOnly = false
  /** TAS: a command that another nexus aborts ends with TASK ABORTED status. */
  isAbortReported = false
  /** NUAR: no unit attention tells of RELEASE. */
  isReleaseSilent = false
  /** INITIAL COMMAND PRIORITY: for commands of nexuses that SET PRIORITY gave none. */
  initialCommandPriority = 0
  /** TEST, which DEXCPT excludes: there is a test device failure to report. */
  isFailureTested = false
  /** MRIE: how to report it. */
  exceptionReporting: number = EXCEPTION_REPORTING.NONE
  readonly #savedState: SavedState
  readonly #pages: readonly PageValues[]

  constructor(unit: LogicalUnitProperties, savedState: SavedState) {
    this.#savedState = savedState
    // Pages that the device type does not have keep their default values, unseen.
    this.#pages = [...new Set([...MODE_PAGES, ...modePagesOf(unit)])].map((page) => {
      const defaults = modePageDefaults(page, unit)
      return { page, defaults, changeable: modePageChangeableMask(page, unit), current: defaults, saved: defaults }
    })
    for (const values of splitModePages(savedState.read(SAVED_STATE_KEY))) this.#restore(values)
    this.revertToSaved()
  }

  /** A page in wire format, with the values that PAGE CONTROL asks for. Ownership: a fresh buffer. */
  read(page: ModePage, pageControl: number): Buffer {
    const values = this.#valuesOf(page)
    switch (pageControl) {
      case PAGE_CONTROL.CHANGEABLE:
        return Buffer.from(values.changeable)
      case PAGE_CONTROL.DEFAULT:
        return Buffer.from(values.defaults)
      case PAGE_CONTROL.SAVED:
        return Buffer.from(values.saved)
      default:
        return Buffer.from(values.current)
    }
  }

  /**
   * Make changes the current values and, with `save`, all current values the saved ones. Returns whether a current value
   * differs from what it was.
   * Errors: throws when the values cannot be saved; then nothing has changed.
   */
  change(changes: readonly ModePageChange[], save: boolean): boolean {
    const changed = new Map(changes.map(({ page, values }) => [page, values]))
    const next = this.#pages.map(({ page, current }) => changed.get(page) ?? current)
    if (save) this.#savedState.write(SAVED_STATE_KEY, Buffer.concat(next))
    let isDifferent = false
    for (const [i, values] of this.#pages.entries()) {
      if (!values.current.equals(next[i]!)) isDifferent = true
      values.current = next[i]!
      if (save) values.saved = next[i]!
    }
    this.#decode()
    return isDifferent
  }

  /** A reset (SPC-3 6.7). */
  revertToSaved(): void {
    for (const values of this.#pages) values.current = values.saved
    this.#decode()
  }

  /** The thresholds of the Logical Block Provisioning mode page (SBC-3). */
  get provisioningThresholds(): { readonly available: ProvisioningThreshold; readonly used: ProvisioningThreshold } {
    const { fields } = LOGICAL_BLOCK_PROVISIONING
    const { current } = this.#valuesOf(LOGICAL_BLOCK_PROVISIONING)
    const threshold = (enabled: keyof typeof fields, count: keyof typeof fields) => ({
      isEnabled: readNumber(current, fields[enabled]) === 1,
      count: readNumber(current, fields[count]),
    })
    return {
      available: threshold('AVAILABLE_ENABLED', 'AVAILABLE_COUNT'),
      used: threshold('USED_ENABLED', 'USED_COUNT'),
    }
  }

  /** SITUA: a threshold is told to one I_T nexus only, not to all. */
  get isThresholdToldToOneNexus(): boolean {
    return readNumber(this.#valuesOf(LOGICAL_BLOCK_PROVISIONING).current, LOGICAL_BLOCK_PROVISIONING.fields.SITUA) === 1
  }

  #valuesOf(page: ModePage): PageValues {
    return this.#pages.find((values) => values.page === page)!
  }

  #restore(stored: Buffer): void {
    const values = this.#pages.find(({ defaults }) => hasHeaderOf(stored, defaults))
    if (values === undefined) return
    const { page, defaults, changeable } = values
    const headerBytes = modePageHeaderBytes(page.subpageCode !== 0)
    const saved = Buffer.from(defaults)
    for (let i = headerBytes; i < saved.length; i++) {
      saved[i] = (defaults[i]! & ~changeable[i]!) | (stored[i]! & changeable[i]!)
    }
    values.saved = saved
  }

  #decode(): void {
    const caching = this.#valuesOf(CACHING).current
    this.isWriteCacheEnabled = readNumber(caching, CACHING.fields.WCE) === 1
    const { fields } = CONTROL
    const control = this.#valuesOf(CONTROL).current
    this.isSoftwareWriteProtected = readNumber(control, fields.SWP) === 1
    this.senseFormat = readNumber(control, fields.D_SENSE) === 1 ? 'descriptor' : 'fixed'
    this.hasTaskSetPerNexus = readNumber(control, fields.TST) === TASK_SET_TYPE.PER_I_T_NEXUS
    this.isTaskManagementOnly = readNumber(control, fields.TMF_ONLY) === 1
    this.isAbortReported = readNumber(control, fields.TAS) === 1
    this.isReleaseSilent = readNumber(control, fields.NUAR) === 1
    this.queueErrorManagement = readNumber(control, fields.QERR)
    this.unitAttentionInterlock = readNumber(control, fields.UA_INTLCK_CTRL)
    const exceptions = this.#valuesOf(INFORMATIONAL_EXCEPTIONS_CONTROL).current
    this.isFailureTested = readNumber(exceptions, INFORMATIONAL_EXCEPTIONS_CONTROL.fields.TEST) === 1
    this.exceptionReporting = readNumber(exceptions, INFORMATIONAL_EXCEPTIONS_CONTROL.fields.MRIE)
    const extension = this.#valuesOf(CONTROL_EXTENSION).current
    this.initialCommandPriority = readNumber(extension, CONTROL_EXTENSION.fields.INITIAL_COMMAND_PRIORITY)
  }
}

/** Whether two pages have the same code, subpage code, format and length. */
function hasHeaderOf(stored: Buffer, page: Buffer): boolean {
  const headerBytes = modePageHeaderBytes((page[0]! & SPF) !== 0)
  return stored.length === page.length && stored.subarray(0, headerBytes).equals(page.subarray(0, headerBytes))
}

/** Pages one behind the other, as they were saved; what does not fit this format is left out. */
function splitModePages(stored: Buffer | null): readonly Buffer[] {
  const pages: Buffer[] = []
  for (let rest = stored ?? Buffer.alloc(0); rest.length >= modePageHeaderBytes(true); ) {
    const lengthBytes = modePageBytes(rest)
    pages.push(rest.subarray(0, lengthBytes))
    rest = rest.subarray(lengthBytes)
  }
  return pages
}
