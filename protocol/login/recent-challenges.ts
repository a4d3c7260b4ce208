/**
 * The CHAP challenges that this side sent lately, over all connections. An initiator that challenges us with one of
 * them is reflecting it from another login to have us compute the answer (RFC 7143 9.2.1); `chap.ts` asks here, and gets
 * the identifiers of its challenges. Bounded: the oldest are forgotten first.
 */
export interface RecentChallenges {
  /** Gives the identifier to send with it, another one than that of the challenge before (RFC 1994 4.1). */
  remember(challenge: Buffer): number
  has(challenge: Buffer): boolean
}

/** CHAP identifiers are octets. */
const IDENTIFIERS = 256

/** Keeps the last `challengesMax` challenges (about 100 bytes each). */
export function createRecentChallenges(challengesMax: number): RecentChallenges {
  const remembered = new Set<string>()
  let identifier = 0
  return {
    remember(challenge) {
      remembered.add(challenge.toString('latin1'))
      for (const oldest of remembered) {
        if (remembered.size <= challengesMax) break
        remembered.delete(oldest)
      }
      identifier = (identifier + 1) % IDENTIFIERS
      return identifier
    },
    has: (challenge) => remembered.has(challenge.toString('latin1')),
  }
}
