/** Which seeds a simulation runs: `SEED=n` one, `SEEDS=n` the first n, `SEEDS=from..to` a range. */

/** What `seeds` ("n" or "from..to") stands for. Errors: throws on anything else. */
export function parseSeeds(seeds: string): number[] {
  const [, from, to] = /^(?:(\d+)\.\.)?(\d+)$/.exec(seeds) ?? []
  if (to === undefined) throw new Error(`seeds are given as "n", for the first n, or as "from..to", not as "${seeds}"`)
  const first = Number(from ?? 1)
  return Array.from({ length: Math.max(0, Number(to) - first + 1) }, (_, at) => first + at)
}

/** The seeds that the environment asks for; without a wish the first `count`. */
export function seedsOf(environment: Readonly<Record<string, string | undefined>>, count: number): number[] {
  const { SEED, SEEDS } = environment
  return SEED === undefined ? parseSeeds(SEEDS ?? String(count)) : [Number(SEED)]
}
