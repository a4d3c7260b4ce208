/** What an iSNS client is made with: its surroundings, and the bounds and times that the application chooses. */

import type { ProtocolLog, Scheduler } from '../node-context.ts'
import type { ConnectIsns } from './conversation.ts'
import type { MessageBounds } from './message-reader.ts'
import type { RegistrationTimes } from './requests.ts'

export interface IsnsSettings extends MessageBounds, RegistrationTimes {
  readonly connectTimeoutMs: number
  readonly requestTimeoutMs: number
  /** The delay after a first failure; it doubles with each further one. */
  readonly retryDelayMs: number
  readonly retryDelayMsMax: number
  /** The longest time between two refreshes; a third of the registration period when that is shorter. */
  readonly refreshMs: number
  /** The shortest time between two refreshes that notifications cause. */
  readonly refreshMsMin: number
  /** How long `stop` may take. */
  readonly stopTimeoutMs: number
}

export interface IsnsClientOptions {
  readonly connect: ConnectIsns
  readonly scheduler: Scheduler
  readonly log: ProtocolLog
  readonly settings: IsnsSettings
  /** Ask which initiators share a discovery domain with each target. */
  readonly asksForInitiators: boolean
}
