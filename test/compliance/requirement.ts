/**
 * What a row of the compliance table states: one thing that RFC 7143, RFC 7144 or RFC 4171 ask of an iSCSI target, in
 * words of our own. The rows are in `requirements/`; tests carry their ids in square brackets in their titles.
 */

/** M: the text says MUST, or leaves no choice; S: SHOULD; O: permitted; D: follows from definitions and state tables. */
export type Level = 'M' | 'S' | 'O' | 'D'

/** `sections` are those of RFC 7143 unless they name another document. */
export type RequirementRow = readonly [id: string, level: Level, sections: string, title: string]

export const LEVEL_NAMES: Readonly<Record<Level, string>> = { M: 'MUST', S: 'SHOULD', O: 'MAY', D: 'derived' }

/** The part of an id before its number. */
export function groupOf(id: string): string {
  return id.slice(0, id.indexOf('-'))
}

/** Document and section numbers, for people. */
export function formatSections(sections: string): string {
  return sections.startsWith('RFC') ? sections : `RFC 7143 ${sections}`
}
