/**
 * One target that is served: its SCSI target device, and which LUNs it has under which numbers.
 */

import type { Logger } from 'pino'
import type { AccessPolicy } from '../../scsi/initiator-access.ts'
import type { LogicalUnit } from '../../scsi/logical-unit.ts'
import { ScsiTarget } from '../../scsi/target.ts'
import type { ObjectId, TargetRecord } from '../management/configuration.ts'
import { targetPort } from '../portal-groups.ts'

export class ServedTarget {
  readonly id: ObjectId
  /** Normalised. */
  readonly name: string
  readonly scsi: ScsiTarget
  readonly #policyOf: (lunId: ObjectId) => AccessPolicy
  readonly #mapped = new Map<number, { readonly lunId: ObjectId; readonly logicalUnit: LogicalUnit }>()

  /** `policyOf`: who may use a LUN, as the configuration that was applied last says at the moment when it is asked. */
  constructor({ id, iscsiName }: TargetRecord, policyOf: (lunId: ObjectId) => AccessPolicy, log: Logger) {
    this.id = id
    this.name = iscsiName
    this.#policyOf = policyOf
    this.scsi = new ScsiTarget({
      logicalUnits: new Map(),
      onInternalError: (error, command) =>
        log.error({ err: error, command: command.definition?.name }, 'internal error in a command'),
    })
  }

  /**
   * The first half of a change: take away what the target no longer has, and ask anew who may use what it keeps. Resolves
   * when nothing goes on that is not allowed any more.
   * Shape: `served` has the LUNs that stay open, with their logical units.
   */
  async withdraw(luns: ReadonlyMap<ObjectId, number>, served: ReadonlyMap<ObjectId, LogicalUnit>): Promise<void> {
    const changes: Promise<void>[] = []
    for (const [number, { lunId, logicalUnit }] of [...this.#mapped]) {
      if (luns.get(lunId) === number && served.get(lunId) === logicalUnit) {
        changes.push(new Promise((done) => this.scsi.changePolicy(number, this.#policyOf(lunId), done)))
      } else {
        this.#mapped.delete(number)
        changes.push(new Promise((done) => this.scsi.unmapLogicalUnit(number, done)))
      }
    }
    await Promise.all(changes)
  }

  /** The other half: map what is new, and name the ports. */
  grant({ luns, portalGroups }: TargetRecord, served: ReadonlyMap<ObjectId, LogicalUnit>): void {
    this.scsi.setTargetPorts(portalGroups.map(({ tag }) => targetPort(this.name, tag)))
    for (const [lunId, number] of [...luns].sort(([, a], [, b]) => a - b)) {
      const logicalUnit = served.get(lunId)
      if (logicalUnit === undefined || this.#mapped.has(number)) continue
      this.#mapped.set(number, { lunId, logicalUnit })
      this.scsi.mapLogicalUnit(number, logicalUnit, this.#policyOf(lunId))
    }
  }

  /** The LUN behind a logical unit that an initiator sees under a number. */
  lunAt(number: number): ObjectId | undefined {
    return this.#mapped.get(number)?.lunId
  }
}
