/** Where new identities come from: random, so that no two arrays ever give the same one. */

import { randomBytes, randomUUID } from 'node:crypto'
import type { Mint } from './operations/change.ts'

/**
 * RFC 3721 1.1 wants a domain that the name's giver owned at that date. Nobody owns anything under `.internal`, which
 * ICANN set aside for private use in 2024, so names under it claim nobody's authority; the random tail tells them apart.
 */
const GENERATED_NAME_PREFIX = 'iqn.2026-11.internal.lunette:'
const GENERATED_NAME_RANDOM_BYTES = 6

export function generateTargetName(): string {
  return GENERATED_NAME_PREFIX + randomBytes(GENERATED_NAME_RANDOM_BYTES).toString('hex')
}

export function createMint(): Mint {
  return { objectId: randomUUID, targetName: generateTargetName }
}
