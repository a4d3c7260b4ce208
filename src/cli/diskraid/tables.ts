/** Tables as DiskRAID prints them: headings, dashes below them, one line an object, a star before the selected one. */

import { printable } from '../output.ts'

/** Each row has a cell for each heading; `selected` is the row with the star. */
export function formatDashed(headings: readonly string[], rows: readonly (readonly string[])[], selected = -1): string {
  const cells = rows.map((row) => row.map(printable))
  const widths = headings.map((heading, at) => Math.max(heading.length, ...cells.map((row) => row[at]!.length)))
  const line = (mark: string, row: readonly string[]) =>
    `${mark} ${row.map((cell, at) => cell.padEnd(widths[at]!)).join('  ')}`.trimEnd()
  const lines = [
    line(' ', headings),
    line(
      ' ',
      widths.map((width) => '-'.repeat(width)),
    ),
    ...cells.map((row, index) => line(index === selected ? '*' : ' ', row)),
  ]
  return `\n${lines.join('\n')}\n`
}

/** `Name : value` lines of `detail`. */
export function formatDetail(properties: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...properties.map(([name]) => name.length))
  return `\n${properties.map(([name, value]) => `${name.padEnd(width)} : ${printable(value)}`.trimEnd()).join('\n')}\n`
}

const UNITS = [' B', 'KB', 'MB', 'GB', 'TB', 'PB'] as const

/** A size in DiskRAID's units, rounded. */
export function shortSize(bytes: number | null): string {
  if (bytes === null) return 'unknown'
  const exponent = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10))
  return `${Math.round(bytes / 1024 ** exponent)} ${UNITS[exponent]!.trim()}`
}
