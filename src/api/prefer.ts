/** The `Prefer` header (RFC 7240): how long a caller would wait for a job to end. */

/** Longer than this nobody waits in one request: intermediaries would cut it. */
export const WAIT_MAX_S = 60

/** Seconds of `Prefer: wait=N`, at most `WAIT_MAX_S`; 0 without it, and as RFC 7240 2 wants for one that is not valid. */
export function preferredWaitS(header: string | string[] | undefined): number {
  const preferences = [header ?? []].flat().flatMap((text) => text.split(','))
  for (const preference of preferences) {
    const [, seconds] = /^\s*wait\s*=\s*("?)([0-9]{1,9})\1\s*(?:;|$)/i.exec(preference)?.slice(1) ?? []
    if (seconds !== undefined) return Math.min(Number(seconds), WAIT_MAX_S)
  }
  return 0
}
