/**
 * CLEAR ACA (RFC 7143 11.5.1): ends the auto contingent allegiance of a logical unit, which is the SCSI layer's to know. The
 * commands that were sent before it are handed up first, because the allegiance decides what becomes of them, and its
 * response is fenced (4.2.2.3.4 e).
 */

import { TASK_MANAGEMENT_FUNCTION as FUNCTION, TASK_MANAGEMENT_RESPONSE as RESPONSE } from '../constants.ts'
import { type ManagementRequest, respondToManagement } from './request.ts'

export function clearAca(request: ManagementRequest): void {
  request.connection.session.window.whenReached(request.cmdSN, () => execute(request))
}

function execute(request: ManagementRequest): void {
  const { connection, lun } = request
  const { session } = connection
  if (!connection.isSending) {
    session.managementTags.delete(request.initiatorTaskTag)
  } else if (session.nexus.logicalUnitOf(lun) === null) {
    respondToManagement(request, RESPONSE.LUN_DOES_NOT_EXIST)
  } else {
    session.nexus.taskManagementRequestReceived(
      { function: FUNCTION.CLEAR_ACA, lun, referencedTask: null, covers: () => true },
      (response) => session.fence.raise(connection, () => respondToManagement(request, response)),
    )
  }
}
