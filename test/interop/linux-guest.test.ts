import { describe, it } from 'vitest'
import { describeWithTools } from '../support/describe-with-tools.ts'
import { Lab, labObstacle } from './linux-guest/lab.ts'
import { allScenarios, type Scenario, toolsFor } from './linux-guest/scenario.ts'

const obstacle = labObstacle()
const isDemanded = process.env.CI === 'true'
const consoleLinesShown = 80
/** Each guest has a limit of its own, and tells more when it reaches that. */
const timeoutMs = 1_200_000

const fast = (await allScenarios()).filter(({ isFast }) => isFast)

describe.runIf(isDemanded || obstacle === null)(`real hosts${obstacle === null ? '' : ` (${obstacle})`}`, () => {
  for (const scenario of fast) {
    describeWithTools(toolsFor([scenario]), scenario.name, () => {
      it(scenario.title, { timeout: timeoutMs }, () => runInLab(scenario))
    })
  }
})

/** Errors: rejects with what went wrong and the end of the console. */
async function runInLab(scenario: Scenario): Promise<void> {
  if (obstacle !== null) throw new Error(obstacle)
  const lines: string[] = []
  await using lab = new Lab((line) => lines.push(line))
  try {
    await scenario.run(lab)
  } catch (error) {
    const end = lines.slice(-consoleLinesShown).join('\n')
    throw new Error(`${error instanceof Error ? error.message : error}; the console said:\n${end}`, { cause: error })
  }
}
