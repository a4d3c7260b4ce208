/** What verbs read from their words: sizes, lists, statuses; each complaint is a `UsageError` that says what is allowed. */

import { UsageError } from '../../failure.ts'
import { parseSize } from '../../size.ts'
import type { Words } from './noun.ts'

/** Bytes. `what` names the argument or option. */
export function readSize(what: string, text: string): number {
  const parsed = parseSize(text)
  if (parsed.kind === 'invalid') throw new UsageError(`${what} ${text} ${parsed.reason}`)
  return parsed.bytes
}

/** The values of a repeatable option; none when it was not given. */
export function readList(words: Words, name: string): readonly string[] {
  return (words[name] as readonly string[] | undefined) ?? []
}

export function readText(words: Words, name: string): string | undefined {
  return words[name] as string | undefined
}

/** Initiator names, of which `*` alone means all. */
export function readInitiators(option: string, names: readonly string[]): '*' | readonly string[] {
  if (!names.includes('*')) return names
  if (names.some((name) => name !== '*')) throw new UsageError(`${option} '*' is everybody: give no further names`)
  return '*'
}

/** A whole number from 1 on. */
export function readCount(option: string, text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new UsageError(`${option} ${text} is not a number from 1 to 999999999`)
}

/** The properties that were given. */
export function given<T extends Record<string, unknown>>(properties: T): Partial<T> {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined)) as Partial<T>
}
