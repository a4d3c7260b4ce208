/** Durations as people write them: `500ms`, `15s`, `2min`, `1h`; a number alone is milliseconds. */

const UNIT_MS: Readonly<Record<string, number>> = { '': 1, ms: 1, s: 1000, min: 60_000, h: 3_600_000 }

const DURATION_PATTERN = /^(\d{1,15})(ms|s|min|h)?$/

/** The forms that `parseDuration` takes, for error messages and help. */
export const DURATION_FORMS = 'a number of milliseconds, or one with ms, s, min or h, such as 500ms, 15s or 2min'

/** Read a duration, in milliseconds; null for anything else. */
export function parseDuration(text: string): number | null {
  const [, digits = '', unit = ''] = DURATION_PATTERN.exec(text) ?? []
  if (digits === '') return null
  return Number(digits) * UNIT_MS[unit]!
}

/** The shortest exact form that `parseDuration` reads. */
export function formatDuration(durationMs: number): string {
  for (const unit of ['h', 'min', 's']) {
    const inUnits = durationMs / UNIT_MS[unit]!
    if (inUnits >= 1 && Number.isInteger(inUnits)) return `${inUnits}${unit}`
  }
  return `${durationMs}ms`
}
