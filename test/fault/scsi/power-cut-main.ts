/**
 * `npm run power-cut -- --rounds 300`: kill the server as often, amid mixed writes and changes of settings, and look for
 * what was acknowledged as durable. Prints what was acknowledged how often; ends with the first thing that is lost or torn,
 * and exit code 1.
 */

import { parseArgs } from 'node:util'
import { runPowerCuts } from '../../support/power-cut/power-cut-run.ts'

const USAGE = `npm run power-cut -- [--rounds N] [--seed N]

  --rounds  how often the server is killed (default 300)
  --seed    which random choices (default 1); what the machine does at which moment stays its own choice
`

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '300' },
    seed: { type: 'string', default: '1' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  process.stdout.write(USAGE)
  process.exit(0)
}

const REPORT_EVERY = 25
const rounds = Number(values.rounds)
const report = (round: number) => {
  if (round % REPORT_EVERY === 0) process.stdout.write(`${round} of ${rounds} kills\n`)
}
const counts = await runPowerCuts(rounds, Number(values.seed), report)
for (const [kind, count] of [...counts].sort()) process.stdout.write(`${String(count).padStart(9)}  ${kind}\n`)
process.stdout.write(`${rounds} kills, nothing lost, nothing torn\n`)
