/**
 * The settings of EDK2's iSCSI initiator (IScsiDxe of edk2-stable202211) as the UEFI variables it keeps them in: the
 * initiator's name, and one attempt that it makes on each start of the network card with the given address. All
 * structures are packed; what is not set is zero.
 */

import { u16 } from './uefi-encoding.ts'
import type { UefiVariable } from './uefi-variables.ts'

export interface UefiAttempt {
  readonly initiatorName: string
  readonly macAddress: string
  readonly localAddress: string
  readonly subnetMask: string
  readonly targetAddress: string
  readonly targetPort: number
  readonly targetName: string
  readonly lun: number
  readonly chap?: {
    readonly user: string
    readonly secret: string
    /** What the target must prove itself with. */
    readonly reverse?: { readonly user: string; readonly secret: string }
  }
}

const ISCSI_CONFIG_GUID = '4b47d616-a8d6-4552-9d44-ccad2e0f4cf9'
const INITIATOR_NAME_GUID = '59324945-ec44-4c0d-b1cd-9db139df070c'

const ATTEMPT_NUMBER = 1
/** The driver adds blank attempts until there are so many, beginning with the first. */
const ATTEMPT_COUNT = 8

const LINK_BYTES = 16
const TITLE_TOKENS_BYTES = 4
const ATTEMPT_NAME_BYTES = 12
const MAC_STRING_BYTES = 96
const IP_ADDRESS_BYTES = 16
const NAME_BYTES = 224
const URL_BYTES = 255
const CHAP_NAME_BYTES = 127
const CHAP_SECRET_BYTES = 17

const MODE_ENABLED = 1
const IP_MODE_IP4 = 0
const CONNECT_TIMEOUT_MS = 20_000
const CONNECT_RETRY_COUNT = 3
const AUTH_NONE = 0
const AUTH_CHAP = 1
const CHAP_ONE_WAY = 0
const CHAP_MUTUAL = 1

/** The variables that make the firmware log in as `attempt` says. */
export function iscsiVariables(attempt: UefiAttempt): UefiVariable[] {
  const order = Buffer.from(Array.from({ length: ATTEMPT_COUNT }, (_, index) => index + 1))
  return [
    { vendorGuid: INITIATOR_NAME_GUID, name: 'I_NAME', data: Buffer.from(`${attempt.initiatorName}\0`) },
    { vendorGuid: ISCSI_CONFIG_GUID, name: 'InitialAttemptOrder', data: order },
    { vendorGuid: ISCSI_CONFIG_GUID, name: 'AttemptOrder', data: Buffer.of(ATTEMPT_NUMBER) },
    { vendorGuid: INITIATOR_NAME_GUID, name: attemptName(), data: encodeAttempt(attempt) },
  ]
}

function attemptName(): string {
  return `Attempt ${ATTEMPT_NUMBER}`
}

/** ISCSI_ATTEMPT_CONFIG_NVDATA. */
function encodeAttempt(attempt: UefiAttempt): Buffer {
  const { chap } = attempt
  return Buffer.concat([
    Buffer.alloc(LINK_BYTES),
    // Index of the network card and of the attempt; DhcpSuccess, ValidiBFTPath, ValidPath, AutoConfigureMode.
    Buffer.of(0, ATTEMPT_NUMBER, 0, 0, 0, 0),
    Buffer.alloc(TITLE_TOKENS_BYTES),
    text(attemptName(), ATTEMPT_NAME_BYTES),
    text(attempt.macAddress.toUpperCase(), MAC_STRING_BYTES),
    // Two name servers and the DHCP server.
    Buffer.alloc(3 * IP_ADDRESS_BYTES),
    encodeSession(attempt),
    Buffer.of(chap === undefined ? AUTH_NONE : AUTH_CHAP),
    Buffer.of(chap?.reverse === undefined ? CHAP_ONE_WAY : CHAP_MUTUAL),
    text(chap?.user ?? '', CHAP_NAME_BYTES),
    text(chap?.secret ?? '', CHAP_SECRET_BYTES),
    text(chap?.reverse?.user ?? '', CHAP_NAME_BYTES),
    text(chap?.reverse?.secret ?? '', CHAP_SECRET_BYTES),
    // AutoConfigureSuccess, and whether the attempt is in use.
    Buffer.of(0, 1),
  ])
}

/** ISCSI_SESSION_CONFIG_NVDATA. */
function encodeSession(attempt: UefiAttempt): Buffer {
  const lun = Buffer.alloc(8)
  lun.writeUInt16BE(attempt.lun)
  return Buffer.concat([
    u16(attempt.targetPort),
    Buffer.of(MODE_ENABLED, IP_MODE_IP4),
    ipAddress(attempt.localAddress),
    ipAddress(attempt.subnetMask).subarray(0, 4),
    // No gateway, nothing from DHCP.
    Buffer.alloc(IP_ADDRESS_BYTES + 2),
    text(attempt.targetName, NAME_BYTES),
    ipAddress(attempt.targetAddress),
    // Prefix length of IPv6.
    Buffer.of(0),
    lun,
    u16(CONNECT_TIMEOUT_MS),
    Buffer.of(CONNECT_RETRY_COUNT),
    // ISID, of which the driver takes the last three bytes.
    Buffer.of(0, 0, 0, 0, 0, 1),
    // Redirection, and addresses by name.
    Buffer.alloc(1 + 2 + IP_ADDRESS_BYTES + 1 + URL_BYTES),
  ])
}

/** EFI_IP_ADDRESS with an IPv4 address in it. */
function ipAddress(address: string): Buffer {
  return Buffer.concat([Buffer.from(address.split('.').map(Number)), Buffer.alloc(IP_ADDRESS_BYTES - 4)])
}

/** Text with at least one zero byte after it. */
function text(value: string, sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes)
  if (Buffer.byteLength(value) >= sizeBytes) throw new Error(`${value} is longer than ${sizeBytes - 1} bytes`)
  bytes.write(value)
  return bytes
}
