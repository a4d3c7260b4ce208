/**
 * Declares the 48-byte Basic Header Segment of each PDU with buffer-layout. The declaration is the documentation, the
 * cold-path codec and the oracle of the tests; the hot path reads and writes at the offsets that are computed from it
 * here, at load time.
 */

import { blob, type Layout, type Structure, struct, u8, u16be, u24be, u32be } from 'buffer-layout'

/** Length of a Basic Header Segment (RFC 7143 11.2.1). */
export const BHS_BYTES = 48

/** One field of a header: its name, its layout, and the bits that have names of their own. */
export interface HeaderField<Name extends string = string, Bits extends string = string> {
  readonly name: Name
  readonly layout: Layout<number> | Layout<Buffer>
  readonly isReserved: boolean
  readonly masks: Readonly<Record<Bits, number>>
}

/** A Basic Header Segment: offsets of its fields, and its codec. */
export interface BhsLayout<Name extends string = string> {
  readonly pdu: string
  /** Byte offsets by field name. */
  readonly at: Readonly<Record<Name, number>>
  readonly fields: readonly HeaderField[]
  /** Every byte that the layout calls reserved. */
  readonly reservedRanges: readonly { readonly offset: number; readonly byteCount: number }[]
  readonly structure: Structure<Record<string, number | Buffer>>
}

function field<const Name extends string>(
  name: Name,
  layout: Layout<number> | Layout<Buffer>,
): HeaderField<Name, never> {
  return { name, layout, isReserved: false, masks: {} }
}

export const byte = <const Name extends string>(name: Name) => field(name, u8(name))
export const uint16 = <const Name extends string>(name: Name) => field(name, u16be(name))
export const uint24 = <const Name extends string>(name: Name) => field(name, u24be(name))
export const uint32 = <const Name extends string>(name: Name) => field(name, u32be(name))
export const bytes = <const Name extends string>(name: Name, byteCount: number) => field(name, blob(byteCount, name))
/** The 8-byte LUN field, kept as bytes (RFC 7143 11.2.1.7). */
export const lun = () => bytes('lun', 8)

/** A byte whose bits have names: masks within the byte. */
export function flags<const Name extends string, const Bits extends string>(
  name: Name,
  masks: Readonly<Record<Bits, number>>,
): HeaderField<Name, Bits> {
  return { name, layout: u8(name), isReserved: false, masks }
}

/** Bytes that are sent as zero and ignored on receipt. */
export function reserved(byteCount: number): HeaderField<never, never> {
  return { name: undefined as never, layout: blob(byteCount, ''), isReserved: true, masks: {} }
}

/**
 * Put a header together from its fields, in wire order.
 * Errors: throws when the fields do not fill 48 bytes or a name stands twice; that is a mistake in the declaration.
 */
export function bhs<const Fields extends readonly HeaderField[]>(
  pdu: string,
  fields: Fields,
): BhsLayout<Fields[number]['name']> {
  const at: Record<string, number> = {}
  const reservedRanges: { offset: number; byteCount: number }[] = []
  const layouts: Layout[] = []
  let offset = 0
  for (const { name, layout, isReserved } of fields) {
    if (isReserved) {
      reservedRanges.push({ offset, byteCount: layout.span })
      layouts.push(blob(layout.span, `reserved${offset}`))
    } else {
      if (name in at) throw new Error(`${pdu}: the field ${name} is declared twice`)
      at[name] = offset
      layouts.push(layout)
    }
    offset += layout.span
  }
  if (offset !== BHS_BYTES) throw new Error(`${pdu}: the fields cover ${offset} bytes, not ${BHS_BYTES}`)
  return {
    pdu,
    at: at as Record<Fields[number]['name'], number>,
    fields,
    reservedRanges,
    structure: struct(layouts),
  }
}
