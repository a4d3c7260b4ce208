/**
 * The Mode Page Policy VPD page (SPC-4; SPC-3 7.6.6): whose mode pages are whose. All initiators share those of a logical
 * unit. Called by the table of VPD pages only.
 */

import { bit, bits, uint, writeFields } from './parameter-fields.ts'

/** A mode page policy descriptor. */
const DESCRIPTOR_BYTES = 4
const DESCRIPTOR = {
  POLICY_PAGE_CODE: bits(0, 5, 0),
  POLICY_SUBPAGE_CODE: uint(1, 1),
  MLUS: bit(2, 7),
  MODE_PAGE_POLICY: bits(2, 1, 0),
} as const

const SHARED = 0b00
/** Every page and subpage that has no descriptor of its own. */
const OTHER_PAGES = { POLICY_PAGE_CODE: 0x3f, POLICY_SUBPAGE_CODE: 0xff, MLUS: false } as const
/** Disconnect-Reconnect is about the target port, so all logical units have the same. */
const DISCONNECT_RECONNECT = { POLICY_PAGE_CODE: 0x02, POLICY_SUBPAGE_CODE: 0x00, MLUS: true } as const

/** The mode page policy descriptor list. */
export function modePagePolicyDescriptors(): Buffer {
  return Buffer.concat(
    [OTHER_PAGES, DISCONNECT_RECONNECT].map((policy) => {
      const descriptor = Buffer.alloc(DESCRIPTOR_BYTES)
      writeFields(descriptor, DESCRIPTOR, { ...policy, MODE_PAGE_POLICY: SHARED })
      return descriptor
    }),
  )
}
