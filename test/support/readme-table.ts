/** Tables in README.md that only programs write: each stands between two marker lines with its name. */

/** The table `name` of `readme`. Errors: throws when the marker lines are not there. */
export function readTable(readme: string, name: string): string {
  const [start, end] = findTable(readme, name)
  return readme.slice(start, end).trim()
}

/** `readme` with `table` between the marker lines of `name`. Errors: throws when they are not there. */
export function replaceTable(readme: string, name: string, table: string): string {
  const [start, end] = findTable(readme, name)
  return `${readme.slice(0, start)}\n\n${table}\n\n${readme.slice(end)}`
}

function findTable(readme: string, name: string): [start: number, end: number] {
  const [first, last] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`]
  const begin = readme.indexOf(first)
  const end = readme.indexOf(last)
  if (begin < 0 || end < begin) throw new Error(`README.md must have a line ${first} and after it a line ${last}`)
  return [begin + first.length, end]
}
