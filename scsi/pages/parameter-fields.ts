/**
 * Fields of parameter data that a device server returns: where they lie and how they are written. VPD pages, mode pages,
 * standard INQUIRY data and READ CAPACITY data declare their fields with these, byte offsets counted from the first byte
 * of the structure as the standards' tables count them. Every field that is not given a value stays zero.
 */

/** An unsigned integer: `widthBits` bits whose lowest is bit `lowBit` of the last of `byteCount` bytes. */
export interface NumberField {
  readonly kind: 'number'
  readonly byte: number
  readonly byteCount: number
  readonly lowBit: number
  readonly widthBits: number
}

/** Left-aligned ASCII data, filled up with spaces (SPC-3 4.4.1). */
export interface AsciiField {
  readonly kind: 'ascii'
  readonly byte: number
  readonly byteCount: number
}

export type Field = NumberField | AsciiField
export type FieldTable = Readonly<Record<string, Field>>
export type FieldValue<F extends Field> = F extends AsciiField ? string : number | boolean
export type FieldValues<T extends FieldTable> = { readonly [Name in keyof T]?: FieldValue<T[Name]> }

/** One bit. */
export function bit(byte: number, position: number): NumberField {
  return bits(byte, position, position)
}

/** Adjacent bits of one byte, `high` down to `low`. */
export function bits(byte: number, high: number, low: number): NumberField {
  return { kind: 'number', byte, byteCount: 1, lowBit: low, widthBits: high - low + 1 }
}

/** A big-endian number of `byteCount` whole bytes; eight bytes hold safe integers only. */
export function uint(byte: number, byteCount: number): NumberField {
  return { kind: 'number', byte, byteCount, lowBit: 0, widthBits: byteCount * 8 }
}

/** ASCII data of `byteCount` bytes. */
export function ascii(byte: number, byteCount: number): AsciiField {
  return { kind: 'ascii', byte, byteCount }
}

/**
 * Write `values` into `data`, whose bytes under these fields are still zero.
 * Errors: RangeError for a number that does not fit its field or text that is no printable ASCII or too long; such a
 * value is a bug of the caller, never something that an initiator sent.
 */
export function writeFields<T extends FieldTable>(data: Buffer, fields: T, values: FieldValues<T>): void {
  for (const [name, value] of Object.entries(values)) {
    const field = fields[name]
    if (field === undefined) throw new RangeError(`no field ${name}`)
    if (field.kind === 'ascii') writeAscii(data, field, String(value), name)
    else writeNumber(data, field, Number(value), name)
  }
}

/** Set every bit of the fields `names`: what MODE SENSE returns as changeable values (SPC-3 6.9.3). */
export function writeFieldMask<T extends FieldTable>(
  data: Buffer,
  fields: T,
  names: readonly (keyof T & string)[],
): void {
  for (const name of names) {
    const field = fields[name]
    if (field?.kind !== 'number') throw new RangeError(`no number field ${name}`)
    if (field.byteCount > 1) data.fill(0xff, field.byte, field.byte + field.byteCount)
    else data[field.byte]! |= (2 ** field.widthBits - 1) << field.lowBit
  }
}

/** The number that a field holds. Shape: `data` has the whole structure that the field is declared for. */
export function readNumber(data: Buffer, { byte, byteCount, lowBit, widthBits }: NumberField): number {
  if (byteCount === 8) return Number(data.readBigUInt64BE(byte))
  return Math.floor(data.readUIntBE(byte, byteCount) / 2 ** lowBit) % 2 ** widthBits
}

/** Text as an ASCII field holds it: padded with spaces to `byteCount` bytes. Errors: as `writeFields`. */
export function paddedAscii(text: string, byteCount: number, name: string): Buffer {
  if (text.length > byteCount || !/^[\x20-\x7e]*$/.test(text)) {
    throw new RangeError(`${name} takes up to ${byteCount} printable ASCII characters, got ${JSON.stringify(text)}`)
  }
  return Buffer.from(text.padEnd(byteCount), 'latin1')
}

function writeAscii(data: Buffer, field: AsciiField, text: string, name: string): void {
  paddedAscii(text, field.byteCount, name).copy(data, field.byte)
}

function writeNumber(data: Buffer, field: NumberField, value: number, name: string): void {
  if (!Number.isSafeInteger(value) || value < 0 || value >= 2 ** field.widthBits) {
    throw new RangeError(`${name} takes ${field.widthBits} bits, got ${value}`)
  }
  if (field.byteCount === 1) data[field.byte]! |= value << field.lowBit
  else if (field.byteCount === 8) data.writeBigUInt64BE(BigInt(value), field.byte)
  else data.writeUIntBE(value, field.byte, field.byteCount)
}
