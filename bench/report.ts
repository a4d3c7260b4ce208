/** Medians of the rounds, and the table and the JSON that are made of them. */

import { type Cell, formatBlockSize } from './cells.ts'
import type { Measurement } from './measure.ts'

/** All rounds of one cell, in the order in which they were taken. */
export interface CellRounds {
  readonly cell: Cell
  readonly lunette: readonly Measurement[]
  readonly tgtd: readonly Measurement[]
}

export interface CellResult {
  readonly name: string
  readonly lunette: Measurement
  readonly tgtd: Measurement
  /** Lunette's rate divided by tgtd's. */
  readonly ratio: number
  readonly goalRatio: number
  readonly rounds: Omit<CellRounds, 'cell'>
}

export function summarize({ cell, lunette, tgtd }: CellRounds): CellResult {
  const [ours, peers] = [medianOf(lunette), medianOf(tgtd)]
  return {
    name: cell.name,
    lunette: ours,
    tgtd: peers,
    ratio: ours.iops / peers.iops,
    goalRatio: cell.goalRatio,
    rounds: { lunette, tgtd },
  }
}

const TABLE_HEAD = [
  '| Load | Block | Depth | Lunette IOPS | tgtd IOPS | Ratio | Goal | Lunette CPU us/IO | tgtd CPU us/IO |',
  '|---|--:|--:|--:|--:|--:|--:|--:|--:|',
].join('\n')

/** Markdown; a ratio below its goal is bold. */
export function formatResults(cells: readonly Cell[], results: readonly CellResult[]): string {
  const rows = cells.map((cell, i) => {
    const { lunette, tgtd, ratio, goalRatio } = results[i]!
    const ratioText = ratio < goalRatio ? `**${ratio.toFixed(2)}**` : ratio.toFixed(2)
    const columns = [
      `${cell.load.title} (${cell.load.tool})`,
      formatBlockSize(cell.blockBytes),
      cell.queueDepth,
      Math.round(lunette.iops),
      Math.round(tgtd.iops),
      ratioText,
      goalRatio.toFixed(1),
      lunette.cpuMicrosecondsPerIo.toFixed(1),
      tgtd.cpuMicrosecondsPerIo.toFixed(1),
    ]
    return `| ${columns.join(' | ')} |`
  })
  return [TABLE_HEAD, ...rows].join('\n')
}

function medianOf(rounds: readonly Measurement[]): Measurement {
  return {
    iops: median(rounds.map((round) => round.iops)),
    cpuMicrosecondsPerIo: median(rounds.map((round) => round.cpuMicrosecondsPerIo)),
  }
}

/** The middle value; of an even number of values the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
