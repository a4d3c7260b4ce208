/**
 * Sizes as people write them (`10G`, `1.5TiB`, `1048576`) and as they like to read them. Units are binary: K is 1024
 * bytes. KB, MB and so on are refused, because they mean 1000 to some and 1024 to others.
 */

const UNITS = ['', 'K', 'M', 'G', 'T', 'P'] as const

const SIZE_PATTERN = /^(\d{1,16})(?:\.(\d{1,16}))?([KMGTP]?)(i?B)?$/i

/** The forms that `parseSize` takes, for error messages and help. */
export const SIZE_FORMS = 'a number of bytes, or one with K, M, G, T or P (powers of 1024), such as 512M, 10G or 1.5T'

export type ParsedSize =
  | { readonly kind: 'size'; readonly bytes: number }
  | { readonly kind: 'invalid'; readonly reason: string }

const invalid = (reason: string): ParsedSize => ({ kind: 'invalid', reason })

/**
 * Read a size.
 * Units: bytes, exact; a decimal such as `0.1K` that is no whole number of bytes is invalid.
 */
export function parseSize(text: string): ParsedSize {
  const match = SIZE_PATTERN.exec(text)
  if (match === null) return invalid(`is not a size: allowed is ${SIZE_FORMS}`)
  const [, whole = '', fraction = '', unit = '', suffix = ''] = match
  const isAmbiguous = unit !== '' && suffix.toUpperCase() === 'B'
  if (isAmbiguous)
    return invalid(`is ambiguous: write ${unit.toUpperCase()} or ${unit.toUpperCase()}iB for powers of 1024`)
  if (unit === '' && suffix.length === 2) return invalid(`is not a size: allowed is ${SIZE_FORMS}`)

  const exponent = BigInt((UNITS as readonly string[]).indexOf(unit.toUpperCase()))
  const scale = 10n ** BigInt(fraction.length)
  const scaledBytes = BigInt(whole + fraction) * 1024n ** exponent
  if (scaledBytes % scale !== 0n) return invalid('is not a whole number of bytes')
  const bytes = scaledBytes / scale
  if (bytes === 0n) return invalid('is zero: a disk has at least one block')
  if (bytes > BigInt(Number.MAX_SAFE_INTEGER)) return invalid('is too large: the most is just below 8P')
  return { kind: 'size', bytes: Number(bytes) }
}

/** A size for people: the largest unit that keeps it readable, exact when it is exact, else with two decimals and "about". */
export function formatSize(bytes: number): string {
  let exponent = 0
  while (exponent < UNITS.length - 1 && bytes >= 1024 ** (exponent + 1)) exponent++
  if (exponent === 0) return `${bytes} bytes`
  const value = bytes / 1024 ** exponent
  const isExact = Number.isInteger(value * 100)
  return `${isExact ? value : `about ${value.toFixed(2)}`} ${UNITS[exponent]}iB`
}
