/**
 * GET EVENT STATUS NOTIFICATION (MMC-5), polled: how hosts learn of a disc that came or went without disturbing anything.
 * There are the media class and, as the Core feature demands, the device busy class, in which nothing ever happens. Who
 * asks for both hears of the medium. It neither reports nor clears a unit attention.
 */

import { bit, cdb, invalidField, isSet, readField, uint } from '../../cdb.ts'
import type { Command } from '../../command.ts'
import { checkCondition } from '../../completion.ts'
import { defineCommand } from '../../define-command.ts'
import { CD_DVD_ONLY } from '../../device-type.ts'
import type { ItlNexus } from '../../itl-nexus.ts'
import type { LogicalUnit } from '../../logical-unit.ts'
import { sendParameterData } from '../../parameter-data.ts'
import type { MediumEvent } from '../../removable-medium.ts'

const CDB = cdb(10, { polled: bit(1, 0), notificationClassRequest: uint(4, 1), allocationLength: uint(7, 2) })
const { polled, notificationClassRequest } = CDB.fields

/** NOTIFICATION CLASS, which is also the number of its bit in a set of classes. */
const CLASS = { MEDIA: 4, DEVICE_BUSY: 6 } as const
const SUPPORTED_CLASSES = (1 << CLASS.MEDIA) | (1 << CLASS.DEVICE_BUSY)
/** NEA: none of the classes that were asked for is supported. */
const NO_EVENT_AVAILABLE = 0x80

const NO_CHANGE = 0
/** Device busy event descriptor: event code, not busy, for no time. */
const NOT_BUSY: readonly number[] = [NO_CHANGE, 0, 0, 0]
const EVENT_CODES = { ejectRequest: 1, newMedia: 2, mediaRemoval: 3 } as const satisfies Record<MediumEvent, number>
const MEDIA_STATUS = { TRAY_OPEN: 0b01, MEDIA_PRESENT: 0b10 } as const

const GET_EVENT_STATUS_NOTIFICATION = defineCommand({
  name: 'GET EVENT STATUS NOTIFICATION',
  operationCode: 0x4a,
  standard: 'MMC-5',
  cdb: CDB,
  data: 'in',
  reservationClass: 'exempt',
  taskClass: 'information',
  deviceTypes: CD_DVD_ONLY,
  ignoresUnitAttention: true,
  execute: getEventStatusNotification,
})

export const GET_EVENT_STATUS_NOTIFICATION_COMMANDS = [GET_EVENT_STATUS_NOTIFICATION]

function getEventStatusNotification(command: Command, logicalUnit: LogicalUnit, itlNexus: ItlNexus): void {
  if (!isSet(command.cdb, polled)) {
    checkCondition(command, invalidField(polled))
    return
  }
  const requested = readField(command.cdb, notificationClassRequest)
  if (requested & (1 << CLASS.MEDIA)) sendEvent(command, CLASS.MEDIA, mediaEvent(logicalUnit, itlNexus))
  else if (requested & (1 << CLASS.DEVICE_BUSY)) sendEvent(command, CLASS.DEVICE_BUSY, NOT_BUSY)
  else sendEvent(command, NO_EVENT_AVAILABLE, [])
}

/** EVENT DESCRIPTOR LENGTH counts what follows it: two bytes of the header, and the descriptor. */
function sendEvent(command: Command, notificationClass: number, descriptor: readonly number[]): void {
  const header = [0, 2 + descriptor.length, notificationClass, SUPPORTED_CLASSES]
  sendParameterData(command, Buffer.from([...header, ...descriptor]))
}

/** Media event descriptor: event code, media status, start slot and end slot. */
function mediaEvent({ medium }: LogicalUnit, itlNexus: ItlNexus): readonly number[] {
  const event = medium.takeEvent(itlNexus)
  const status = (medium.isTrayOpen ? MEDIA_STATUS.TRAY_OPEN : 0) | (medium.isAbsent ? 0 : MEDIA_STATUS.MEDIA_PRESENT)
  return [event === null ? NO_CHANGE : EVENT_CODES[event], status, 0, 0]
}
