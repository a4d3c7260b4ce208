/**
 * May this key be sent now, by the initiator, with this value? The rules that hold for all keys alike (RFC 7143 6.2,
 * 6.3, chapter 13), decided from the key table. Used in the Login Phase and in full feature phase.
 */

import type { DeclaredValue, KeyRow } from './key-table.ts'
import { ANSWER_ONLY_VALUES, parseNumericalValue, quote, type TextPair } from './text.ts'

/** Where in the life of a connection a text was sent. */
export type TextPhase =
  | { readonly kind: 'login'; readonly stage: 'security' | 'operational'; readonly isLeading: boolean }
  | { readonly kind: 'fullFeature' }

/** The protocol error in what the initiator sent under a key of the table, as a sentence; null when there is none. */
export function findMisuse(row: KeyRow, { key, value }: TextPair, phase: TextPhase): string | null {
  if (row.senders === 'target') return `${key} is for targets to send (RFC 7143 ${row.section})`
  const place = findMisplacement(row, value, phase)
  if (place !== null) return place
  return row.role.kind === 'declared' ? findInadmissible(key, value, row.role.value) : null
}

/** A value that only an answer may have, under any key (RFC 7143 6.2); null when it is a proper proposal. */
export function findAnswerOnlyValue({ key, value }: TextPair): string | null {
  return ANSWER_ONLY_VALUES.includes(value) ? `${key}=${value}: ${value} is an answer, not a proposal` : null
}

function findMisplacement(row: KeyRow, value: string, phase: TextPhase): string | null {
  const { key, section, use, stage } = row
  if (phase.kind === 'fullFeature') {
    return use === 'LO' || use === 'IO' ? `${key} may be sent during login only (RFC 7143 ${section})` : null
  }
  if (use === 'FFPO') return `${key} may be sent in full feature phase only (RFC 7143 ${section})`
  if (stage !== 'any' && stage !== phase.stage) return `${key} belongs to the ${stage} stage, this is ${phase.stage}`
  if (use === 'LO' && !phase.isLeading && !isSessionTypeRepeated(key, value)) {
    return `${key} may be sent in the login of a session's first connection only (RFC 7143 ${section})`
  }
  return null
}

/** Saying Normal once more on a later connection changes nothing, and initiators have no reason to leave it out. */
function isSessionTypeRepeated(key: string, value: string): boolean {
  return key === 'SessionType' && value === 'Normal'
}

function findInadmissible(key: string, value: string, admitted: DeclaredValue): string | null {
  switch (admitted.kind) {
    case 'number': {
      const number = parseNumericalValue(value)
      const isInRange = number !== null && number >= admitted.min && number <= admitted.max
      return isInRange ? null : `${key} is ${quote(value)}, allowed is a number from ${admitted.min} to ${admitted.max}`
    }
    case 'words':
      return admitted.words.includes(value)
        ? null
        : `${key} is ${quote(value)}, allowed is ${admitted.words.join(', ')}`
    case 'text': {
      const bytes = Buffer.byteLength(value)
      if (admitted.bytesMax === null || bytes <= admitted.bytesMax) return null
      return `${key} has ${bytes} bytes, at most ${admitted.bytesMax} are allowed`
    }
  }
}
