/**
 * What FORMAT UNIT and SANITIZE (SBC-4) do to a medium: passes over all of its logical blocks, one after the other. A plan
 * and how far it has come are kept in the saved state from before the first pass until after the last one, because a
 * medium that is half erased must not be taken for one that nobody touched. Called by `erasure.ts`, which carries plans
 * out, and by the commands that make them.
 */

/** One way over the medium: write the pattern, or its complement; write zeroes; give the space of zeroes back. */
export type ErasurePass = 'pattern' | 'invertedPattern' | 'zeroes' | 'unmap'

export interface ErasurePlan {
  readonly kind: 'format' | 'sanitize'
  /** AUSE: after a failure, SANITIZE with EXIT FAILURE MODE makes the medium accessible again. */
  readonly mayExitFailure: boolean
  /** What a logical block begins with, over and over until it is full. */
  readonly pattern: Buffer
  readonly passes: readonly ErasurePass[]
}

/** A plan with its state. */
export interface ErasureProgress {
  readonly plan: ErasurePlan
  /** Bytes of all passes that are done, one pass behind the other. */
  readonly doneBytes: number
  /** It ended before its end. */
  readonly hasFailed: boolean
}

export const NO_PATTERN = Buffer.alloc(1)

/** Destroy what is there by writing zeroes over it, and give its space back where that can be done. */
export function zeroingPasses(isThin: boolean): readonly ErasurePass[] {
  return isThin ? ['zeroes', 'unmap'] : ['zeroes']
}

/** OVERWRITE COUNT passes; with INVERT every other one has the complement of the pattern. */
export function overwritePasses(count: number, isInverted: boolean): readonly ErasurePass[] {
  return Array.from({ length: count }, (_, i) => (isInverted && i % 2 === 1 ? 'invertedPattern' : 'pattern'))
}

/** One logical block as a pass leaves it. Ownership: a fresh buffer. */
export function erasedBlock({ pattern }: ErasurePlan, pass: ErasurePass, blockLengthBytes: number): Buffer {
  const block = Buffer.alloc(blockLengthBytes, pattern)
  return pass === 'invertedPattern' ? Buffer.from(block.map((value) => ~value)) : block
}

/** The form in which progress is saved. */
export function encodeProgress({ plan, doneBytes, hasFailed }: ErasureProgress): Buffer {
  const { kind, mayExitFailure, passes } = plan
  const pattern = plan.pattern.toString('hex')
  return Buffer.from(JSON.stringify({ kind, mayExitFailure, pattern, passes, doneBytes, hasFailed }))
}

/** Errors: throws for what `encodeProgress` did not write. */
export function decodeProgress(saved: Buffer): ErasureProgress {
  const { kind, mayExitFailure, pattern, passes, doneBytes, hasFailed } = JSON.parse(saved.toString())
  if (typeof doneBytes !== 'number' || !Array.isArray(passes)) throw new Error('no progress of a format or sanitize')
  return { plan: { kind, mayExitFailure, pattern: Buffer.from(pattern, 'hex'), passes }, doneBytes, hasFailed }
}
