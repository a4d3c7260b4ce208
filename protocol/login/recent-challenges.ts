/**
 * The CHAP challenges that this side sent lately, over all connections. An initiator that challenges us with one of
 * them is reflecting it from another login to have us compute the answer (RFC 7143 9.2.1); `chap.ts` asks here. Bounded:
 * the oldest are forgotten first.
 */
export interface RecentChallenges {
  remember(challenge: Buffer): void
  has(challenge: Buffer): boolean
}

/** Keeps the last `challengesMax` challenges (about 100 bytes each). */
export function createRecentChallenges(challengesMax: number): RecentChallenges {
  const remembered = new Set<string>()
  return {
    remember(challenge) {
      remembered.add(challenge.toString('latin1'))
      for (const oldest of remembered) {
        if (remembered.size <= challengesMax) return
        remembered.delete(oldest)
      }
    },
    has: (challenge) => remembered.has(challenge.toString('latin1')),
  }
}
