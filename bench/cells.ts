/**
 * What is measured: every combination of load, block size and queue depth, with the ratio to the peer that is the goal.
 * A cell's name, such as `randread-4k-qd32`, chooses it on the command line.
 */

export interface Load {
  readonly name: 'randread' | 'read' | 'write'
  readonly tool: 'iscsi-perf' | 'qemu-img bench'
  readonly title: string
}

export interface Cell {
  readonly name: string
  readonly load: Load
  readonly blockBytes: number
  readonly queueDepth: number
  /** Lunette's rate divided by the peer's should be at least this. */
  readonly goalRatio: number
}

const LOADS: readonly Load[] = [
  { name: 'randread', tool: 'iscsi-perf', title: 'random read' },
  { name: 'read', tool: 'qemu-img bench', title: 'read' },
  { name: 'write', tool: 'qemu-img bench', title: 'write' },
]
const KIB = 1024
const BLOCK_SIZES_BYTES = [4 * KIB, 128 * KIB, 1024 * KIB]
const QUEUE_DEPTHS = [1, 32]
const GOAL_RATIO = 1
const GOAL_RATIOS: Readonly<Record<string, number>> = { 'randread-4k-qd32': 2.5 }

export const CELLS: readonly Cell[] = LOADS.flatMap((load) =>
  BLOCK_SIZES_BYTES.flatMap((blockBytes) =>
    QUEUE_DEPTHS.map((queueDepth) => {
      const name = `${load.name}-${formatBlockSize(blockBytes).replace(' KiB', 'k').replace(' MiB', 'm')}-qd${queueDepth}`
      return { name, load, blockBytes, queueDepth, goalRatio: GOAL_RATIOS[name] ?? GOAL_RATIO }
    }),
  ),
)

export function formatBlockSize(blockBytes: number): string {
  return blockBytes < 1024 * KIB ? `${blockBytes / KIB} KiB` : `${blockBytes / KIB / 1024} MiB`
}
