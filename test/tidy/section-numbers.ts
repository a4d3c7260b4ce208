/** The sections that RFC 7143 has, for rules about what names them. */

/** The last numbered subsection of each section; the first entry stands for no section. */
const LAST_SUBSECTIONS = [0, 0, 4, 6, 6, 0, 4, 15, 3, 5, 7, 19, 1, 26, 0, 0, 2]

/** Whether there is a section with this number, looked at down to its second part. */
export function isSection(number: string): boolean {
  const [section, subsection = 0] = number.split('.').map(Number)
  const last = LAST_SUBSECTIONS[section!]
  return last !== undefined && subsection <= last
}
