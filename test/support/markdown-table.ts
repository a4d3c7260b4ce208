/** Markdown tables with aligned columns, for terminals and for README.md alike. */

/**
 * A table of `rows` under `head`. From the column `firstNumber` on, numbers stand to the right; where there are none the
 * last column is as wide as its text.
 */
export function formatMarkdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  firstNumber = head.length,
): string {
  const widths = head.map((title, column) => {
    const isAsWideAsItsText = column === head.length - 1 && column < firstNumber
    return isAsWideAsItsText ? 0 : Math.max(...rows.map((row) => row[column]!.length), title.length)
  })
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  const pad = (cell: string, column: number): string =>
    column < firstNumber ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)
  const rule = widths.map((width, column) =>
    column < firstNumber ? '-'.repeat(width || 3) : `${'-'.repeat(width - 1)}:`,
  )
  return [line(head.map(pad)), line(rule), ...rows.map((row) => line(row.map(pad)))].join('\n')
}
