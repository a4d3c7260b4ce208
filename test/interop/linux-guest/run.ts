/**
 * `npm run test:hosts`: runs scenarios one after the other, all of them or those that are named, and prints how each
 * ended. The last line of output is the count; the exit code is 0 only when all passed.
 */

import { parseArgs } from 'node:util'
import { installMissingTools } from '../../support/tools.ts'
import { Lab, labObstacle } from './lab.ts'
import { allScenarios, type NamedScenario, toolsFor } from './scenario.ts'

const USAGE = `Usage: npm run test:hosts -- [--fast] [--list] [--quiet] [NAME...]
Runs the scenarios with real hosts: all, those named, or with --fast those that every test run makes.`

const { values, positionals } = parseArgs({
  options: {
    fast: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    quiet: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
  allowPositionals: true,
})

async function runScenario({ name, title, run }: NamedScenario): Promise<boolean> {
  console.log(`\n=== ${name}: ${title}`)
  const startMs = performance.now()
  const seconds = (): string => `${((performance.now() - startMs) / 1000).toFixed(0)} s`
  const lines: string[] = []
  const tell = (line: string): void => void (values.quiet ? lines.push(line) : console.log(`${name} | ${line}`))
  try {
    await using lab = new Lab(tell)
    await run(lab)
    console.log(`=== ${name}: passed in ${seconds()}`)
    return true
  } catch (error) {
    for (const line of lines.slice(-60)) console.log(`${name} | ${line}`)
    console.log(`=== ${name}: FAILED after ${seconds()}: ${error instanceof Error ? error.message : error}`)
    return false
  }
}

async function main(): Promise<number> {
  const all = await allScenarios()
  const unknown = positionals.filter((name) => !all.some((scenario) => scenario.name === name))
  if (values.help || unknown.length > 0) {
    console.log(unknown.length > 0 ? `There is no scenario ${unknown.join(', ')}.\n${USAGE}` : USAGE)
    return unknown.length > 0 ? 2 : 0
  }
  const chosen = all.filter(({ name, isFast }) =>
    positionals.length > 0 ? positionals.includes(name) : isFast || !values.fast,
  )
  if (values.list) {
    for (const { name, title, isFast } of chosen) console.log(`${name}${isFast ? ' (fast)' : ''}: ${title}`)
    return 0
  }
  const obstacle = labObstacle()
  if (obstacle !== null) {
    console.log(`Not on this machine: ${obstacle}.`)
    return 1
  }
  if (installMissingTools(toolsFor(chosen)).length > 0) return 1
  let passedCount = 0
  for (const scenario of chosen) if (await runScenario(scenario)) passedCount++
  const failedCount = chosen.length - passedCount
  console.log(`${passedCount} passed, ${failedCount} failed, 0 skipped`)
  return failedCount === 0 ? 0 : 1
}

process.exit(await main())
