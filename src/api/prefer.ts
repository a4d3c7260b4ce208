/** The `Prefer` header (RFC 7240): how long a caller would wait for a job to end. */

import { HttpProblem } from './problems.ts'

/** Longer than this nobody waits in one request: intermediaries would cut it. */
export const WAIT_MAX_S = 60

/** Seconds of `Prefer: wait=N`, at most `WAIT_MAX_S`; 0 without it. Errors: `HttpProblem`. */
export function preferredWaitS(header: string | string[] | undefined): number {
  const preferences = [header ?? []].flat().flatMap((text) => text.split(','))
  for (const preference of preferences) {
    const [name = '', value = ''] = preference.split(';')[0]!.split('=')
    if (name.trim().toLowerCase() !== 'wait') continue
    const seconds = value.trim().replace(/^"(.*)"$/, '$1')
    if (!/^[0-9]{1,9}$/.test(seconds)) {
      throw new HttpProblem(
        400,
        `Prefer: wait=${value.trim()} is not valid: allowed are whole seconds, such as wait=10`,
      )
    }
    return Math.min(Number(seconds), WAIT_MAX_S)
  }
  return 0
}
