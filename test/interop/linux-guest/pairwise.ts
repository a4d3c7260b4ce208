/**
 * Combinations of settings that cover every pair of values: most faults of a negotiation need two settings to meet, and
 * few need three. Deterministic; the combinations come in the order of how many new pairs they bring, so that the first
 * few differ the most from each other.
 */

/** The values of each setting. */
export type Factors<Combination> = { readonly [Name in keyof Combination]: readonly Combination[Name][] }

/**
 * Combinations of `factors` in which each pair of values of two factors occurs at least once, where an allowed
 * combination has it at all. All combinations are listed and looked through for each that is chosen, so keep the product
 * of the factors small (thousands).
 */
export function pairwise<Combination extends object>(
  factors: Factors<Combination>,
  isAllowed: (combination: Combination) => boolean = () => true,
): Combination[] {
  const candidates = allCombinations(factors)
    .filter(isAllowed)
    .map((combination) => ({ combination, pairs: pairsOf(factors, combination) }))
  const missing = new Set(candidates.flatMap(({ pairs }) => pairs))
  const chosen: Combination[] = []
  while (missing.size > 0) {
    let best: { combination: Combination; pairs: string[]; newCount: number } | null = null
    for (const candidate of candidates) {
      const newCount = candidate.pairs.filter((pair) => missing.has(pair)).length
      if (newCount > (best?.newCount ?? 0)) best = { ...candidate, newCount }
    }
    chosen.push(best!.combination)
    for (const pair of best!.pairs) missing.delete(pair)
  }
  return chosen
}

function allCombinations<Combination extends object>(factors: Factors<Combination>): Combination[] {
  let partial: object[] = [{}]
  for (const [name, values] of Object.entries<readonly unknown[]>(factors)) {
    partial = partial.flatMap((known) => values.map((value) => ({ ...known, [name]: value })))
  }
  return partial as Combination[]
}

/** One text for each two factors with their values in `combination`. */
function pairsOf<Combination extends object>(factors: Factors<Combination>, combination: Combination): string[] {
  const settings = (Object.keys(factors) as (keyof Combination & string)[]).map(
    (name) => `${name}=${factors[name].indexOf(combination[name])}`,
  )
  return settings.flatMap((first, index) => settings.slice(index + 1).map((second) => `${first} ${second}`))
}
