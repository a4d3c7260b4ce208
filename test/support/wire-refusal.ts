/**
 * How a target refused a request, as one word for `expect(...).toMatch(...)`: where RFC 7143 leaves the choice between
 * Reject, a response with an error and closing the connection, a conformance test names the forms that it admits.
 */

import type { WireInitiator } from './wire-initiator.ts'
import { OPCODE, type TargetPdu } from './wire-pdu.ts'

/** `closed`, `reject <reason>`, `response <response code>`, `status <SCSI status>`, or the opcode: two hex digits each. */
export async function answerKind(initiator: WireInitiator): Promise<string> {
  if (await initiator.connection.closesSilently()) return 'closed'
  return describeAnswer(await initiator.read())
}

function describeAnswer(pdu: TargetPdu): string {
  const hex = (value: number) => value.toString(16).padStart(2, '0')
  switch (pdu.opcode) {
    case OPCODE.REJECT:
      return `reject ${hex(pdu.byte(2))}`
    case OPCODE.SCSI_RESPONSE:
      return pdu.byte(2) === 0 ? `status ${hex(pdu.byte(3))}` : `response ${hex(pdu.byte(2))}`
    case OPCODE.TASK_MANAGEMENT_RESPONSE:
    case OPCODE.LOGOUT_RESPONSE:
      return `response ${hex(pdu.byte(2))}`
    case OPCODE.LOGIN_RESPONSE:
      return `login ${hex(pdu.byte(36))}${hex(pdu.byte(37))}`
    default:
      return `opcode ${hex(pdu.opcode)}`
  }
}
