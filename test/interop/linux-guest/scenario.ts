/**
 * What a scenario is: one file in `scenarios/`, found by being there. It starts servers and guests through the lab that
 * it is given, which ends them all, and it fails by throwing.
 */

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Tool } from '../../support/tools.ts'
import { LAB_TOOLS, type Lab } from './lab.ts'

export interface Scenario {
  /** What a host does here, as a sentence. */
  readonly title: string
  /** Belongs to the selection that every test run makes. */
  readonly isFast: boolean
  /** What it runs on this machine besides the lab's own tools. */
  readonly tools?: readonly Tool[]
  run(lab: Lab): Promise<void>
}

const DIRECTORY = join(import.meta.dirname, 'scenarios')

export interface NamedScenario extends Scenario {
  readonly name: string
}

/** All scenarios, by name. Each file exports one as `scenario`. */
export async function allScenarios(): Promise<NamedScenario[]> {
  const names = readdirSync(DIRECTORY)
    .filter((file) => file.endsWith('.ts'))
    .map((file) => file.slice(0, -'.ts'.length))
    .sort()
  return Promise.all(
    names.map(async (name) => {
      const module = (await import(join(DIRECTORY, `${name}.ts`))) as { scenario: Scenario }
      return { ...module.scenario, name }
    }),
  )
}

/** What has to be installed for these scenarios. */
export function toolsFor(scenarios: readonly Scenario[]): Tool[] {
  return [...new Set([...LAB_TOOLS, ...scenarios.flatMap(({ tools }) => tools ?? [])])]
}
