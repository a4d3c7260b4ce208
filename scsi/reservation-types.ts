/**
 * The types of a persistent reservation (SPC-4 6.15.3.4; SPC-3 6.11.3.4) and what each means: which commands it
 * restricts, whom it lets through beside its holder, and who its holder is. Checks, state changes and REPORT CAPABILITIES
 * read this table; no other file knows a type by its number.
 */

export interface ReservationType {
  /** TYPE field. */
  readonly code: number
  /** As the standard writes it. */
  readonly name: string
  /** `write`: commands that only read are allowed to everybody. */
  readonly restricts: 'write' | 'all'
  /** Who is let through: the holder, or everybody who is registered. */
  readonly admits: 'holder' | 'registrants'
  /** Every registered I_T nexus holds it; otherwise the one that made it or that it was moved to. */
  readonly isAllRegistrants: boolean
}

export const RESERVATION_TYPES: readonly ReservationType[] = [
  { code: 0x1, name: 'Write Exclusive', restricts: 'write', admits: 'holder', isAllRegistrants: false },
  { code: 0x3, name: 'Exclusive Access', restricts: 'all', admits: 'holder', isAllRegistrants: false },
  {
    code: 0x5,
    name: 'Write Exclusive – Registrants Only',
    restricts: 'write',
    admits: 'registrants',
    isAllRegistrants: false,
  },
  {
    code: 0x6,
    name: 'Exclusive Access – Registrants Only',
    restricts: 'all',
    admits: 'registrants',
    isAllRegistrants: false,
  },
  {
    code: 0x7,
    name: 'Write Exclusive – All Registrants',
    restricts: 'write',
    admits: 'registrants',
    isAllRegistrants: true,
  },
  {
    code: 0x8,
    name: 'Exclusive Access – All Registrants',
    restricts: 'all',
    admits: 'registrants',
    isAllRegistrants: true,
  },
]

/** The only scope there is (SPC-4 6.15.3.3; SPC-3 6.11.3.3): the whole logical unit. */
export const LU_SCOPE = 0x0

/** The type with this code; null for one that is obsolete or reserved. */
export function findReservationType(code: number): ReservationType | null {
  return RESERVATION_TYPES.find((type) => type.code === code) ?? null
}
