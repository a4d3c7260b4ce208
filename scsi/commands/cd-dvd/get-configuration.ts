/**
 * GET CONFIGURATION (MMC-5): what the drive can do, as features, and what kind of disc is in it, as its current profile.
 * It neither reports nor clears a unit attention.
 */

import { bits, cdb, invalidField, readField, uint } from '../../cdb.ts'
import type { Command } from '../../command.ts'
import { checkCondition } from '../../completion.ts'
import { defineCommand } from '../../define-command.ts'
import { CD_DVD_ONLY } from '../../device-type.ts'
import type { LogicalUnit } from '../../logical-unit.ts'
import { sendParameterData } from '../../parameter-data.ts'
import { PROFILE, type Profile, profileOf } from './disc.ts'

const CDB = cdb(10, {
  requestedType: bits(1, 1, 0),
  startingFeatureNumber: uint(2, 2),
  allocationLength: uint(7, 2),
})
const { requestedType, startingFeatureNumber } = CDB.fields

/** RT: every feature from the starting one on, those of them that are current, or the starting one alone. */
const REQUESTED_TYPE = { ALL: 0b00, CURRENT: 0b01, ONE: 0b10 } as const

interface Feature {
  readonly featureCode: number
  readonly name: string
  readonly version: number
  /** It does not come and go with the disc. */
  readonly isPersistent: boolean
  readonly isCurrent: (profile: Profile) => boolean
  /** What follows ADDITIONAL LENGTH. */
  readonly parameters: (profile: Profile) => readonly number[]
}

const always = () => true

/** In ascending order, as they are reported. */
const FEATURES: readonly Feature[] = [
  {
    featureCode: 0x0000,
    name: 'Profile List',
    version: 0,
    isPersistent: true,
    isCurrent: always,
    parameters: (profile) =>
      [PROFILE.DVD_ROM, PROFILE.CD_ROM].flatMap((known) => [known >> 8, known & 0xff, known === profile ? 1 : 0, 0]),
  },
  {
    featureCode: 0x0001,
    name: 'Core',
    version: 2,
    isPersistent: true,
    isCurrent: always,
    // PHYSICAL INTERFACE STANDARD 1h: the SCSI family. DBE: events say whether the device is busy.
    parameters: () => [0, 0, 0, 1, 1, 0, 0, 0],
  },
  {
    featureCode: 0x0003,
    name: 'Removable Medium',
    version: 0,
    isPersistent: true,
    isCurrent: always,
    // A tray, which can be opened and locked.
    parameters: () => [0b001_0_1_0_0_1, 0, 0, 0],
  },
  {
    featureCode: 0x0010,
    name: 'Random Readable',
    version: 0,
    isPersistent: false,
    isCurrent: (profile) => profile !== PROFILE.NONE,
    // LOGICAL BLOCK SIZE, BLOCKING (the sectors that share an error correction), PP: mode page 01h is there.
    parameters: (profile) => [0, 0, 0x08, 0, 0, profile === PROFILE.DVD_ROM ? 16 : 1, 1, 0],
  },
  {
    featureCode: 0x001e,
    name: 'CD Read',
    version: 1,
    isPersistent: false,
    isCurrent: (profile) => profile === PROFILE.CD_ROM,
    parameters: () => [0, 0, 0, 0],
  },
  {
    featureCode: 0x001f,
    name: 'DVD Read',
    version: 1,
    isPersistent: false,
    isCurrent: (profile) => profile === PROFILE.DVD_ROM,
    // MULTI110, DUAL-R and DUAL-RW zero: no recordable discs.
    parameters: () => [0, 0, 0, 0],
  },
]

const GET_CONFIGURATION = defineCommand({
  name: 'GET CONFIGURATION',
  operationCode: 0x46,
  standard: 'MMC-5',
  cdb: CDB,
  data: 'in',
  reservationClass: 'exempt',
  taskClass: 'information',
  deviceTypes: CD_DVD_ONLY,
  ignoresUnitAttention: true,
  execute: getConfiguration,
})

export const GET_CONFIGURATION_COMMANDS = [GET_CONFIGURATION]

function getConfiguration(command: Command, { properties }: LogicalUnit): void {
  const profile = profileOf(properties)
  const type = readField(command.cdb, requestedType)
  if (!Object.values<number>(REQUESTED_TYPE).includes(type)) {
    checkCondition(command, invalidField(requestedType))
    return
  }
  const starting = readField(command.cdb, startingFeatureNumber)
  const selected = FEATURES.filter(({ featureCode, isCurrent }) => {
    if (type === REQUESTED_TYPE.ONE) return featureCode === starting
    return featureCode >= starting && (type === REQUESTED_TYPE.ALL || isCurrent(profile))
  })
  const header = Buffer.alloc(8)
  header.writeUInt16BE(profile, 6)
  const data = Buffer.concat([header, ...selected.map((feature) => featureDescriptor(feature, profile))])
  data.writeUInt32BE(data.length - 4, 0)
  sendParameterData(command, data)
}

function featureDescriptor({ featureCode, version, isPersistent, ...feature }: Feature, profile: Profile): Buffer {
  const parameters = feature.parameters(profile)
  const flags = (version << 2) | (isPersistent ? 0b10 : 0) | (feature.isCurrent(profile) ? 0b01 : 0)
  return Buffer.from([featureCode >> 8, featureCode & 0xff, flags, parameters.length, ...parameters])
}
