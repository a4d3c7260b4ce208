/**
 * EXTENDED COPY (LID1) and (LID4) (SPC-4; SPC-3 6.3): copies blocks between logical units that the initiator can reach, as
 * segment descriptors say, one after the other.
 */

import { cdb, uint } from '../../cdb.ts'
import { CopyCommand, startCopyCommand } from '../../copy/copy-command.ts'
import { newCopyOperation } from '../../copy/copy-operations.ts'
import { THIRD_PARTY_COPY_OUT } from '../../copy/copy-service-actions.ts'
import { resolveCscd } from '../../copy/cscd-descriptor.ts'
import { type ExtendedCopyList, parseLid1List, parseLid4List } from '../../copy/extended-copy-list.ts'
import { resolveSegment } from '../../copy/segment-descriptor.ts'
import { defineCommand } from '../../define-command.ts'
import type { LogicalUnit } from '../../logical-unit.ts'
import type { SenseData } from '../../sense.ts'

const CDB = cdb(16, { parameterListLength: uint(10, 4) })

const { EXTENDED_COPY_LID1: LID1, EXTENDED_COPY_LID4: LID4 } = THIRD_PARTY_COPY_OUT.serviceActions

const EXTENDED_COPY_LID1 = defineCommand({
  name: 'EXTENDED COPY (LID1)',
  operationCode: THIRD_PARTY_COPY_OUT.operationCode,
  serviceAction: LID1,
  standard: 'SPC-4',
  cdb: CDB,
  data: 'out',
  reservationClass: 'configuration',
  taskClass: 'configuration',
  execute: (command, logicalUnit) => startCopyCommand(command, logicalUnit, ExtendedCopyLid1),
})

const EXTENDED_COPY_LID4 = defineCommand({
  name: 'EXTENDED COPY (LID4)',
  operationCode: THIRD_PARTY_COPY_OUT.operationCode,
  serviceAction: LID4,
  standard: 'SPC-4',
  cdb: CDB,
  data: 'out',
  reservationClass: 'configuration',
  taskClass: 'configuration',
  execute: (command, logicalUnit) => startCopyCommand(command, logicalUnit, ExtendedCopyLid4),
})

export const EXTENDED_COPY_COMMANDS = [EXTENDED_COPY_LID1, EXTENDED_COPY_LID4]

abstract class ExtendedCopy extends CopyCommand {
  protected abstract readonly serviceAction: number
  protected abstract parse(list: Buffer): ExtendedCopyList | SenseData

  protected override begin(list: Buffer): SenseData | null {
    const request = this.parse(list)
    if ('condition' in request) return request
    const operation = newCopyOperation(this.serviceAction, !request.isImmediate)
    const refusal = this.enter(request.listIdentifier, operation)
    if (refusal !== null) return refusal
    this.#copy(request, operation)
    return null
  }

  #copy({ listIdentifier, isHeld, cscds, segments }: ExtendedCopyList, operation: ReturnType<typeof newCopyOperation>) {
    const { itlNexus } = this
    const { copies } = this.logicalUnit
    const reachable = [...copies.manager.directory(itlNexus)]
    const resolved = cscds.map((cscd) => ({ offsetBytes: cscd.offsetBytes, found: resolveCscd(cscd, reachable) }))
    const itlNexuses = [itlNexus, ...resolved.flatMap(({ found }) => ('condition' in found ? [] : [found]))]
    const plan = {
      segmentCount: segments.length,
      segment: (number: number) => resolveSegment(segments[number]!, number, { itlNexus, cscds: resolved }),
    }
    const logicalUnits = new Set<LogicalUnit>(itlNexuses.map((found) => found.logicalUnit!))
    const ended = () => {
      if (listIdentifier !== null && !isHeld) copies.operationsOf(itlNexus).forget(listIdentifier)
    }
    this.copy({ plan, itlNexuses, logicalUnits, ended }, operation)
  }
}

class ExtendedCopyLid1 extends ExtendedCopy {
  protected override readonly serviceAction = LID1
  protected override parse(list: Buffer): ExtendedCopyList | SenseData {
    return parseLid1List(list)
  }
}

class ExtendedCopyLid4 extends ExtendedCopy {
  protected override readonly serviceAction = LID4
  protected override parse(list: Buffer): ExtendedCopyList | SenseData {
    return parseLid4List(list)
  }
}
