/** What somebody may have meant who wrote a name that there is not. Used where the whole list would be a wall of names. */

/** More would not help to choose. */
const SUGGESTIONS_MAX = 3

/** ` (did you mean A or B?)` with names that hold what was written or are held by it, in any case; empty when none do. */
export function suggestion(written: string, names: readonly string[]): string {
  const word = written.toLowerCase()
  if (word === '') return ''
  const similar = names.filter((name) => name.toLowerCase().includes(word) || word.includes(name.toLowerCase()))
  if (similar.length === 0 || similar.length > SUGGESTIONS_MAX) return ''
  return ` (did you mean ${similar.join(' or ')}?)`
}
