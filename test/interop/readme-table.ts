/** The table of iscsi-test-cu's results in README.md: it stands between two marker lines and is written by a program only. */

const BEGIN = '<!-- iscsi-test-cu: begin -->'
const END = '<!-- iscsi-test-cu: end -->'

/** The table that stands in `readme`. Errors: throws when the marker lines are not there. */
export function readTable(readme: string): string {
  const [start, end] = findTable(readme)
  return readme.slice(start, end).trim()
}

/** `readme` with `table` between its marker lines. Errors: throws when they are not there. */
export function replaceTable(readme: string, table: string): string {
  const [start, end] = findTable(readme)
  return `${readme.slice(0, start)}\n\n${table}\n\n${readme.slice(end)}`
}

function findTable(readme: string): [start: number, end: number] {
  const begin = readme.indexOf(BEGIN)
  const end = readme.indexOf(END)
  if (begin < 0 || end < begin) throw new Error(`README.md must have a line ${BEGIN} and after it a line ${END}`)
  return [begin + BEGIN.length, end]
}
