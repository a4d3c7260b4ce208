/** Texts for hostile Login and Text Requests: keys that exist with values that fit, nearly fit, or do not fit at all. */

import type { SeededRandom } from '../seeded-random.ts'

const KEYS: Readonly<Record<string, readonly string[]>> = {
  AuthMethod: ['None', 'CHAP', 'CHAP,None', 'KRB5,SRP', 'Reject'],
  CHAP_A: ['5', '5,6,7,8', '99', ''],
  CHAP_N: ['user', '\u0000', 'x'.repeat(300)],
  CHAP_R: ['0x00', '0bAAAA', '0x', '0xzz', `0x${'ab'.repeat(1500)}`],
  CHAP_I: ['0', '255', '256', '-1'],
  CHAP_C: ['0x0102030405060708', '0b=', `0x${'00'.repeat(1025)}`],
  HeaderDigest: ['None', 'CRC32C', 'CRC32C,None', 'None,CRC32C', 'Y-x', ''],
  DataDigest: ['None', 'CRC32C', 'CRC32C,None', 'crc32c'],
  MaxConnections: ['1', '4', '65535', '0', '65536', '1~4'],
  SendTargets: ['All', '', 'iqn.2026-11.example:disk', 'all'],
  TargetName: ['iqn.2026-11.example:hostile', 'IQN.2026-11.EXAMPLE:HOSTILE', 'iqn.2026-11.example:none', ''],
  InitiatorName: ['iqn.2026-11.example:fuzz', 'eui.02004567a425678d', '\u00ff', 'x'.repeat(224), ''],
  InitiatorAlias: ['alias', '\u{1f4be}'.repeat(60)],
  TargetAlias: ['alias'],
  TargetAddress: ['127.0.0.1:3260,1'],
  TargetPortalGroupTag: ['1'],
  InitialR2T: ['Yes', 'No', 'yes', 'Irrelevant'],
  ImmediateData: ['Yes', 'No', '1'],
  MaxRecvDataSegmentLength: ['512', '8192', '262144', '16777215', '511', '0x2000', '99999999999999999999'],
  MaxBurstLength: ['512', '262144', '16777215', '100', '0x20000'],
  FirstBurstLength: ['512', '65536', '16777215', '1048576'],
  DefaultTime2Wait: ['0', '2', '3600', '3601'],
  DefaultTime2Retain: ['0', '20', '3600'],
  MaxOutstandingR2T: ['1', '8', '65535', '0'],
  DataPDUInOrder: ['Yes', 'No'],
  DataSequenceInOrder: ['Yes', 'No'],
  ErrorRecoveryLevel: ['0', '1', '2', '3'],
  SessionType: ['Normal', 'Discovery', 'Other'],
  TaskReporting: ['RFC3720', 'RFC3720,ResponseFence', 'FastAbort,ResponseFence,RFC3720', 'None'],
  iSCSIProtocolLevel: ['0', '1', '2', '31', '32'],
  IFMarker: ['No', 'Yes'],
  OFMarkInt: ['1~65535', 'Reject'],
  'X#NodeArchitecture': ['x86'],
  'X-com.example.key': ['1', 'NotUnderstood'],
  'not a key': ['1'],
}
const NAMES = Object.keys(KEYS)

/** Some pairs, now and then malformed as a whole. */
export function hostilePairs(random: SeededRandom): string {
  const pairs = Array.from({ length: random.integer(0, 6) }, () => {
    const name = random.pick(NAMES)
    const value = random.chance(0.1) ? noise(random, random.integer(0, 40)) : random.pick(KEYS[name]!)
    const separator = random.chance(0.02) ? '' : '='
    return `${name}${separator}${value}${random.chance(0.03) ? '' : '\0'}`
  })
  return pairs.join('')
}

/** Bytes without a meaning, as text. */
export function noise(random: SeededRandom, byteCount: number): string {
  return Buffer.from(Array.from({ length: byteCount }, () => random.integer(0, 255))).toString('latin1')
}
