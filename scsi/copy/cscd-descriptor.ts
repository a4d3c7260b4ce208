/**
 * CSCD descriptors (SPC-4; SPC-3 6.3.6 calls them target descriptors): how EXTENDED COPY names copy sources and copy
 * destinations. One kind is supported, the identification descriptor, which names a logical unit by a designator of its
 * Device Identification VPD page.
 */

import type { ItlNexus } from '../itl-nexus.ts'
import type { LogicalUnitProperties } from '../logical-unit-properties.ts'
import { logicalUnitDesignators } from '../pages/designators.ts'
import { copyAborted, invalidFieldInParameterList, type SenseData, senseOf } from '../sense.ts'
import { SENSE } from '../sense-codes.ts'

export const CSCD_DESCRIPTOR_BYTES = 32
/** DESCRIPTOR TYPE CODE of the identification descriptor. */
export const IDENTIFICATION_CSCD = 0xe4
/** In place of an index: the logical unit that the command was sent to (SPC-4). */
export const CSCD_OF_THE_COMMAND = 0xffff

/** Where the fields of an identification descriptor lie (SPC-3 6.3.6.2 and 6.3.6.4). */
const AT = { type: 0, flags: 1, codeSet: 4, designatorType: 5, length: 7, designator: 8, blockLength: 29 } as const
/** The null device of SPC-3, which no command can be sent to. LU ID TYPE beside it says nothing here (SPC-4). */
const NUL = 0x20
const PERIPHERAL_DEVICE_TYPE_MASK = 0x1f
const DIRECT_ACCESS_BLOCK_DEVICE = 0x00
const DESIGNATOR_BYTES_MAX = 20

/** A descriptor that passed the checks which need no device. */
export interface CscdDescriptor {
  readonly bytes: Buffer
  /** Its place in the parameter list, for the sense data that points at it. */
  readonly offsetBytes: number
}

/** A descriptor with the nexus and logical unit that it names, or why it names none. */
export interface ResolvedCscd {
  readonly offsetBytes: number
  readonly found: ItlNexus | SenseData
}

/** A CSCD descriptor list, or the sense data that refuses it before anything is copied (SPC-3 6.3.2). */
export function parseCscdDescriptors(list: Buffer, offsetBytes: number): CscdDescriptor[] | SenseData {
  const descriptors: CscdDescriptor[] = []
  for (let at = 0; at < list.length; at += CSCD_DESCRIPTOR_BYTES) {
    const bytes = list.subarray(at, at + CSCD_DESCRIPTOR_BYTES)
    if (bytes[AT.type] !== IDENTIFICATION_CSCD) {
      return senseOf(SENSE.UNSUPPORTED_TARGET_DESCRIPTOR_TYPE_CODE, {
        fieldPointer: { isInCdb: false, byte: offsetBytes + at, bit: null },
      })
    }
    if ((bytes[AT.flags]! & NUL) === 0 && bytes[AT.length]! > DESIGNATOR_BYTES_MAX) {
      return invalidFieldInParameterList(offsetBytes + at + AT.length)
    }
    descriptors.push({ bytes, offsetBytes: offsetBytes + at })
  }
  return descriptors
}

/**
 * The one of `candidates` that the descriptor names, or the sense data, with COPY ABORTED, that says why there is none
 * (SPC-3 6.3.3).
 */
export function resolveCscd(
  { bytes, offsetBytes }: CscdDescriptor,
  candidates: Iterable<ItlNexus>,
): ItlNexus | SenseData {
  const flags = bytes[AT.flags]!
  const pointAt = (byte: number) => ({ fieldPointer: { isInCdb: false, byte: offsetBytes + byte, bit: null } })
  if ((flags & NUL) !== 0) return senseOf(SENSE.COPY_TARGET_DEVICE_NOT_REACHABLE, pointAt(0))
  const found = findByDesignator(bytes, candidates)
  if (found === null) return senseOf(SENSE.COPY_TARGET_DEVICE_NOT_REACHABLE, pointAt(0))
  const isDisk = found.logicalUnit!.properties.deviceType === 'disk'
  if (!isDisk || (flags & PERIPHERAL_DEVICE_TYPE_MASK) !== DIRECT_ACCESS_BLOCK_DEVICE) {
    return senseOf(SENSE.INCORRECT_COPY_TARGET_DEVICE_TYPE, pointAt(AT.flags))
  }
  const blockLengthBytes = bytes.readUIntBE(AT.blockLength, 3)
  // Zero leaves the block length to the logical unit; another one would mean that blocks are taken for others.
  if (blockLengthBytes !== 0 && blockLengthBytes !== found.logicalUnit!.properties.blockLengthBytes) {
    return senseOf(copyAborted(SENSE.INVALID_FIELD_IN_PARAMETER_LIST), pointAt(AT.blockLength))
  }
  return found
}

/** Write the identification descriptor of a logical unit by its NAA designator. Shape: `target` is zeroed, 32 bytes. */
export function writeIdentificationCscd({ identity, blockLengthBytes }: LogicalUnitProperties, target: Buffer): void {
  target[AT.type] = IDENTIFICATION_CSCD
  const [naa] = logicalUnitDesignators(identity)
  naa!.copy(target, AT.codeSet)
  target.writeUIntBE(blockLengthBytes, AT.blockLength, 3)
}

/** The logical unit with this designator. One that several logical units have names none. */
function findByDesignator(bytes: Buffer, candidates: Iterable<ItlNexus>): ItlNexus | null {
  const byteCount = bytes[AT.length]!
  const wanted = bytes.subarray(AT.designator, AT.designator + byteCount)
  const matches = new Map<unknown, ItlNexus>()
  for (const candidate of candidates) {
    const { logicalUnit } = candidate
    if (logicalUnit === null) continue
    const names = logicalUnitDesignators(logicalUnit.properties.identity)
    if (names.some((name) => isSameDesignator(name, bytes, wanted))) matches.set(logicalUnit, candidate)
  }
  return matches.size === 1 ? [...matches.values()][0]! : null
}

/** Compares CODE SET, ASSOCIATION, DESIGNATOR TYPE and the designator itself. */
function isSameDesignator(name: Buffer, bytes: Buffer, wanted: Buffer): boolean {
  const isSameKind =
    (name[0]! & 0x0f) === (bytes[AT.codeSet]! & 0x0f) && (name[1]! & 0x3f) === (bytes[AT.designatorType]! & 0x3f)
  return isSameKind && wanted.length > 0 && name.subarray(4).equals(wanted)
}
