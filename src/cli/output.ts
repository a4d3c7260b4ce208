/**
 * What the commands print: tables for people, the API's own JSON for scripts. Names come from initiators and other
 * administrators, so nothing in them can steer a terminal.
 */

import Table from 'cli-table3'

/** A heading, and the text below it for each record. */
export type Column<T> = readonly [heading: string, text: (record: T) => string | number | null]

export interface Output {
  readonly isJson: boolean
  /** One line a record; or, as JSON, an array. */
  list<T>(records: readonly T[], columns: readonly Column<T>[]): void
  /** One line a property; or, as JSON, an object. */
  show<T>(record: T, rows: readonly Column<T>[]): void
  /** What was done, in a sentence; or, as JSON, what the server answered, if anything. */
  done(sentence: string, answer?: unknown): void
}

const NO_LINES = Object.fromEntries(
  [
    ...['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right'],
    ...['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid'],
  ].map((place) => [place, '']),
)
const PLAIN_STYLE = {
  chars: { ...NO_LINES, middle: '  ' },
  style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
}

/** `write` gets whole lines. */
export function createOutput(write: (text: string) => void, isJson: boolean): Output {
  const json = (value: unknown) => write(`${JSON.stringify(value, null, 2)}\n`)
  return {
    isJson,
    list: (records, columns) => (isJson ? json(records) : write(formatTable(records, columns))),
    show: (record, rows) => (isJson ? json(record) : write(formatProperties(record, rows))),
    done: (sentence, answer) => {
      if (!isJson) write(`${printable(sentence)}\n`)
      else if (answer !== undefined) json(answer)
    },
  }
}

export function formatTable<T>(records: readonly T[], columns: readonly Column<T>[]): string {
  return formatRows([
    columns.map(([heading]) => heading),
    ...records.map((record) => columns.map(([, text]) => cell(text(record)))),
  ])
}

function formatProperties<T>(record: T, rows: readonly Column<T>[]): string {
  return formatRows(rows.map(([heading, text]) => [`${heading}:`, cell(text(record))]))
}

/** Columns side by side, without trailing blanks. */
function formatRows(rows: readonly (readonly string[])[]): string {
  const table = new Table(PLAIN_STYLE)
  table.push(...rows.map((row) => [...row]))
  return `${table.toString().replaceAll(/ +$/gm, '')}\n`
}

function cell(value: string | number | null): string {
  return value === null || value === '' ? '-' : printable(String(value))
}

/** Control characters and those that turn the direction of text, as their escapes. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]/gu, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`)
}

/** One or the other, for words of a table. */
export const yesOrNo = (value: boolean): string => (value ? 'yes' : 'no')
