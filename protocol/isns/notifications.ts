/**
 * What an iSNS server sends by itself, and how it is answered: Entity Status Inquiries (RFC 4171 5.6.5.13, 5.7.5.13) and
 * State Change Notifications (5.6.5.8, 5.7.5.8). Pure; anybody may have sent them, so neither changes anything by what
 * it says: an SCN is only an occasion to ask the server.
 */

import { ATTRIBUTE, type Attribute, textOf } from './attributes.ts'
import { FUNCTION, RESPONSE_BIT } from './functions.ts'
import type { IsnsMessage } from './message.ts'
import { STATUS } from './status-codes.ts'

export interface RegisteredNames {
  /** Null while nothing is registered. */
  readonly entityIdentifier: string | null
  readonly targets: readonly string[]
}

export interface NotificationOutcome {
  readonly kind: 'esi' | 'scn'
  readonly answer: IsnsMessage
  /** It was meant for this entity. */
  readonly isOurs: boolean
}

/** The answer to `message`; null for a message that a client does not answer. */
export function answerNotification(message: IsnsMessage, names: RegisteredNames): NotificationOutcome | null {
  switch (message.functionId) {
    case FUNCTION.ESI:
      return answer('esi', message, message.attributes, inquiryStatus(message, names))
    case FUNCTION.SCN: {
      const destination = message.attributes.slice(0, 1)
      return answer('scn', message, destination, notificationStatus(destination[0], names))
    }
    default:
      return null
  }
}

/** An inquiry about an entity of an earlier life is not confirmed: the server shall forget that entity. */
function inquiryStatus({ attributes }: IsnsMessage, { entityIdentifier }: RegisteredNames): number {
  const inquired = attributes.find(({ tag }) => tag === ATTRIBUTE.entityIdentifier.tag)
  if (inquired === undefined) return STATUS.messageFormatError
  return textOf(inquired) === entityIdentifier ? STATUS.successful : STATUS.noSuchEntry
}

function notificationStatus(destination: Attribute | undefined, { targets }: RegisteredNames): number {
  if (destination?.tag !== ATTRIBUTE.iscsiName.tag) return STATUS.messageFormatError
  return targets.includes(textOf(destination) ?? '') ? STATUS.successful : STATUS.noSuchEntry
}

function answer(
  kind: NotificationOutcome['kind'],
  { functionId, transactionId }: IsnsMessage,
  attributes: readonly Attribute[],
  status: number,
): NotificationOutcome {
  const isOurs = status === STATUS.successful
  return {
    kind,
    isOurs,
    answer: { functionId: functionId | RESPONSE_BIT, transactionId, isReplace: false, status, attributes },
  }
}
