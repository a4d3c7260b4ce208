/**
 * COPY OPERATION ABORT (SPC-4): ends a copy operation of the same I_T nexus, in the background or in the foreground. GOOD
 * comes when it has come to rest; one that has ended before is no error.
 */

import { cdb, invalidField, readField, uint } from '../../cdb.ts'
import type { Command } from '../../command.ts'
import { checkCondition, completeGood } from '../../completion.ts'
import { THIRD_PARTY_COPY_OUT } from '../../copy/copy-service-actions.ts'
import { defineCommand } from '../../define-command.ts'
import type { ItlNexus } from '../../itl-nexus.ts'
import type { LogicalUnit } from '../../logical-unit.ts'
import { Operation } from '../../operation.ts'

const CDB = cdb(16, { listIdentifier: uint(2, 4) })

export const COPY_OPERATION_ABORT = defineCommand({
  name: 'COPY OPERATION ABORT',
  operationCode: THIRD_PARTY_COPY_OUT.operationCode,
  serviceAction: THIRD_PARTY_COPY_OUT.serviceActions.COPY_OPERATION_ABORT,
  standard: 'SPC-4',
  cdb: CDB,
  data: 'none',
  reservationClass: 'configuration',
  taskClass: 'configuration',
  execute: executeCopyOperationAbort,
})

function executeCopyOperationAbort(command: Command, logicalUnit: LogicalUnit, itlNexus: ItlNexus): void {
  const { listIdentifier } = CDB.fields
  const operation = logicalUnit.copies.operationsOf(itlNexus).find(readField(command.cdb, listIdentifier))
  if (operation === null) checkCondition(command, invalidField(listIdentifier))
  else if (operation.job === null) completeGood(command)
  else new CopyOperationAbort(command, logicalUnit).start(operation.job)
}

class CopyOperationAbort extends Operation {
  start(job: object): void {
    this.logicalUnit.copies.cancel(
      (candidate) => candidate === job,
      () => {
        this.finish()
        this.step()
      },
    )
  }

  protected override advance(): void {}
}
