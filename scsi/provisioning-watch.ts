/**
 * The soft thresholds of logical block provisioning (SBC-4): whether the space that a disk takes, or what is left for it,
 * has passed a count that an initiator set in the Logical Block Provisioning mode page. Whoever serves the disk calls
 * `check` now and then; a threshold is told when it is reached, and again only after it was not.
 */

import type { BackingSpace } from './backing/backing-store.ts'
import type { LogicalUnit } from './logical-unit.ts'
import { SENSE } from './sense-codes.ts'

/** A threshold set in bytes; THRESHOLD EXPONENT says it in blocks. */
export const THRESHOLD_SET_BYTES = 1024 * 1024

export class ProvisioningWatch {
  readonly #logicalUnit: LogicalUnit
  #isChecking = false
  #isAvailableReached = false
  #isUsedReached = false

  constructor(logicalUnit: LogicalUnit) {
    this.#logicalUnit = logicalUnit
  }

  /** Look at the space, and tell the nexuses of a threshold that has been reached since. Asks nothing while none is set. */
  check(): void {
    const { available, used } = this.#logicalUnit.modeSettings.provisioningThresholds
    if (!available.isEnabled) this.#isAvailableReached = false
    if (!used.isEnabled) this.#isUsedReached = false
    if (this.#isChecking || (!available.isEnabled && !used.isEnabled)) return
    this.#isChecking = true
    const space: BackingSpace = { usedBytes: 0, availableBytes: 0 }
    this.#logicalUnit.store.readSpace(space, (error) => {
      this.#isChecking = false
      // A disk that cannot be asked any more says so by itself when it is used.
      if (error === null) this.#compare(space)
    })
  }

  #compare({ usedBytes, availableBytes }: BackingSpace): void {
    const { available, used } = this.#logicalUnit.modeSettings.provisioningThresholds
    const isAvailableReached = available.isEnabled && availableBytes <= available.count * THRESHOLD_SET_BYTES
    const isUsedReached = used.isEnabled && usedBytes >= used.count * THRESHOLD_SET_BYTES
    const isNew = (isAvailableReached && !this.#isAvailableReached) || (isUsedReached && !this.#isUsedReached)
    this.#isAvailableReached = isAvailableReached
    this.#isUsedReached = isUsedReached
    if (isNew) this.#tell()
  }

  /** SITUA: one nexus stands for all paths of a host, and is enough. */
  #tell(): void {
    const condition = SENSE.THIN_PROVISIONING_SOFT_THRESHOLD_REACHED
    if (!this.#logicalUnit.modeSettings.isThresholdToldToOneNexus) {
      this.#logicalUnit.establishUnitAttention(condition)
      return
    }
    for (const { unitAttentions } of this.#logicalUnit.itlNexuses) {
      unitAttentions.establish(condition)
      break
    }
  }
}
