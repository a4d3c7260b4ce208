/**
 * The non-volatile variables of OVMF as a flash image: what a person would have typed into the setup menus of the
 * firmware. The store is the one that EDK2 keeps behind a firmware volume header (MdeModulePkg VariableFormat.h, with
 * the authenticated variable header); entries follow each other at 4-byte boundaries, erased flash is all ones.
 */

import { readFileSync } from 'node:fs'
import { alignUp, guid, u16, u32 } from './uefi-encoding.ts'

export interface UefiVariable {
  readonly vendorGuid: string
  readonly name: string
  readonly data: Buffer
}

const EMPTY_STORE = '/usr/share/OVMF/OVMF_VARS_4M.fd'

const VOLUME_HEADER_LENGTH_OFFSET = 48
const STORE_HEADER_BYTES = 28
const STORE_SIZE_OFFSET = 16
const HEADER_ALIGNMENT_BYTES = 4
const START_ID = 0x55aa
const STATE_ADDED = 0x3f
const NON_VOLATILE_AND_BOOT_SERVICE_ACCESS = 0x3
const MONOTONIC_COUNT_TIMESTAMP_AND_KEY_BYTES = 28

/** The image of a flash that holds `variables` and nothing else. Errors: throws when they do not fit. */
export function flashWithVariables(variables: readonly UefiVariable[]): Buffer {
  const flash = readFileSync(EMPTY_STORE)
  const store = flash.readUInt16LE(VOLUME_HEADER_LENGTH_OFFSET)
  const end = store + flash.readUInt32LE(store + STORE_SIZE_OFFSET)
  let offset = store + STORE_HEADER_BYTES
  for (const variable of variables) {
    const entry = encodeVariable(variable)
    if (offset + entry.length > end) throw new Error(`there is no room for the UEFI variable ${variable.name}`)
    entry.copy(flash, offset)
    offset += alignUp(entry.length, HEADER_ALIGNMENT_BYTES)
  }
  return flash
}

function encodeVariable({ vendorGuid, name, data }: UefiVariable): Buffer {
  const encodedName = Buffer.from(`${name}\0`, 'utf16le')
  return Buffer.concat([
    u16(START_ID),
    Buffer.of(STATE_ADDED, 0),
    u32(NON_VOLATILE_AND_BOOT_SERVICE_ACCESS),
    Buffer.alloc(MONOTONIC_COUNT_TIMESTAMP_AND_KEY_BYTES),
    u32(encodedName.length),
    u32(data.length),
    guid(vendorGuid),
    encodedName,
    data,
  ])
}
