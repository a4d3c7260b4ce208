/**
 * iSCSI names (RFC 7143 4.2.7, RFC 3722): the preparation that makes two spellings of a name equal byte for byte, and
 * the structure of the three name types. Names that come over the wire are prepared liberally, names that this side
 * gives itself are checked fully. Used by the Login Phase, by SendTargets and by the management of targets.
 *
 * The preparation is the stringprep profile of RFC 3722 with its Unicode 3.2, whatever the JavaScript engine has. A code
 * point that Unicode 3.2 does not assign is refused, on the wire too: names that two sides prepare with different
 * versions of Unicode could be equal for one and not for the other, and access is granted by name.
 */

import { COMPATIBILITY_IDEOGRAPHS, RIGHT_TO_LEFT, UNASSIGNED } from './unicode-3-2.ts'

/** The longest name in UTF-8 (RFC 7143 4.2.7.2). */
export const ISCSI_NAME_BYTES_MAX = 223

/**
 * The longest spelling of a name that is looked at, before its preparation: what is mapped to nothing or composed may
 * shrink. The time that normalising takes grows with the square of a run of combining marks.
 */
const SPELLING_BYTES_MAX = 4 * ISCSI_NAME_BYTES_MAX

export interface NameProblem {
  readonly problem: string
}

/** RFC 3454 table B.1: characters that are mapped to nothing. */
const MAPPED_TO_NOTHING = /\u034f|[\ufe00-\ufe0f]|[\u180b-\u180d]|[\u00ad\u1806\u200b-\u200d\u2060\ufeff]/gu

/**
 * RFC 3454 tables C.1.1 to C.9 and RFC 3722 6.1: spaces, controls, private use, surrogates, noncharacters, characters
 * that change display, and the ideographic full stop.
 */
const PROHIBITED_BEYOND_ASCII =
  /[\p{Zs}\p{Zl}\p{Zp}\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Noncharacter_Code_Point}\u2ff0-\u2ffb\u3002\ufffc\ufffd]/u

/** RFC 3722 6.2: of ASCII only lower-case letters, digits, dash, dot and colon remain after the mapping. */
const PROHIBITED_ASCII = /[^a-z0-9.:\-\u0080-\u{10ffff}]/u

/**
 * Of these, what not even a peer's name may have: controls, space, and the comma that separates a port name's parts.
 * The rest (an underscore, say) occurs in names that administrators typed into initiators.
 */
const PROHIBITED_ASCII_ON_THE_WIRE = /[^!-+\--~\u0080-\u{10ffff}]/u

/**
 * Prepares a name that a peer sent, for comparing and for storing: case folded, in normalisation form KC.
 * Errors: empty, longer than 223 bytes, or with characters that RFC 3722 prohibits, except printable ASCII.
 */
export function prepareName(received: string): string | NameProblem {
  const receivedBytes = Buffer.byteLength(received)
  if (receivedBytes > SPELLING_BYTES_MAX) return tooLong(receivedBytes)
  const unassigned = UNASSIGNED.exec(received)
  if (unassigned !== null) return { problem: prohibitedCharacter(unassigned[0]) }
  const name = foldAndNormalize(received)
  if (name === '') return { problem: 'an iSCSI name must not be empty' }
  const bytes = Buffer.byteLength(name)
  if (bytes > ISCSI_NAME_BYTES_MAX) return tooLong(bytes)
  const prohibited = PROHIBITED_ASCII_ON_THE_WIRE.exec(name) ?? firstBeyondAscii(name)
  if (prohibited !== null) return { problem: prohibitedCharacter(prohibited[0]) }
  return name
}

/**
 * Prepares and checks a name that this side is to bear: characters, length, and the structure of its type.
 * Errors: what is wrong, and what is allowed. Spec: RFC 7143 4.2.7.3 to 4.2.7.6, RFC 3722.
 */
export function prepareOwnName(input: string): string | NameProblem {
  const name = prepareName(input)
  if (typeof name !== 'string') return name
  const prohibited = PROHIBITED_ASCII.exec(name)
  if (prohibited !== null) return { problem: prohibitedCharacter(prohibited[0]) }
  const type = findType(name)
  if (type === undefined) {
    return { problem: `an iSCSI name begins with ${NAME_TYPES.map(({ designator }) => designator).join(', ')}` }
  }
  return type.pattern.test(name) ? name : { problem: `a name of type ${type.designator} is ${type.form}` }
}

const NAME_TYPES = [
  {
    designator: 'iqn.',
    pattern: /^iqn\.[0-9]{4}-(?:0[1-9]|1[0-2])\.[^.:-][^.:]*(?:\.[^.:-][^.:]*)*(?::.+)?$/u,
    form: 'iqn.yyyy-mm.reversed.domain, optionally followed by a colon and a string of your own',
  },
  { designator: 'eui.', pattern: /^eui\.[0-9a-f]{16}$/, form: 'eui. followed by 16 hex digits' },
  { designator: 'naa.', pattern: /^naa\.(?:[0-9a-f]{16}|[0-9a-f]{32})$/, form: 'naa. followed by 16 or 32 hex digits' },
] as const

/** Says whether what a peer sent begins like a name of one of the types, however the rest of it is written. */
export function looksLikeName(received: string): boolean {
  return findType(received.toLowerCase()) !== undefined
}

function findType(name: string): (typeof NAME_TYPES)[number] | undefined {
  return NAME_TYPES.find(({ designator }) => name.startsWith(designator))
}

function foldAndNormalize(text: string): string {
  const mapped = text.replace(MAPPED_TO_NOTHING, '')
  // Normalising may bring out characters that fold again, so table B.2 is applied on both sides of it.
  return foldCase(normalize(foldCase(mapped))).normalize('NFKC')
}

/** Normalisation form KC as Unicode 3.2 has it. */
function normalize(text: string): string {
  let corrected = text
  for (const [ideograph, mapping] of COMPATIBILITY_IDEOGRAPHS) corrected = corrected.replaceAll(ideograph, mapping)
  return corrected.normalize('NFKC')
}

/** RFC 3454 table B.2, character by character: the lower case, or the expansion of letters such as the sharp s. */
function foldCase(text: string): string {
  let folded = ''
  for (const character of text) {
    const upper = character.toUpperCase()
    const expands = upper.length > character.length
    const lower = expands ? [...upper].map((part) => part.toLowerCase()).join('') : character.toLowerCase()
    // Some letters got a lower case only after Unicode 3.2.
    folded += UNASSIGNED.test(lower) ? character : lower
  }
  return folded.replaceAll('\u03c2', '\u03c3').replaceAll('\u0345', '\u03b9')
}

/**
 * RFC 3454 chapter 6 forbids right-to-left characters together with left-to-right ones, and the type designator at the
 * start of each name is left-to-right: so they are forbidden altogether.
 */
function firstBeyondAscii(name: string): RegExpExecArray | null {
  return PROHIBITED_BEYOND_ASCII.exec(name) ?? RIGHT_TO_LEFT.exec(name)
}

function tooLong(bytes: number): NameProblem {
  return { problem: `an iSCSI name has at most ${ISCSI_NAME_BYTES_MAX} bytes, this one has ${bytes}` }
}

function prohibitedCharacter(character: string): string {
  const codePoint = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')
  return `the character U+${codePoint} is not allowed in an iSCSI name: letters, digits, "-", "." and ":" are`
}
