#!/usr/bin/env node
/**
 * Where the program begins. Everything else is imported after the check of Node's version, because an older Node would
 * fail on the first newer module with an error that helps nobody.
 */

import type { StartServer } from './server-options.ts'

const NODE_MAJOR_MIN = 24

/**
 * Threads for calls to the system that may wait for a disk, flushes above all. With the four that Node begins with, one
 * hanging disk holds up the others. Takes effect only before the first such call.
 */
process.env.UV_THREADPOOL_SIZE ??= '16'

async function main(): Promise<number> {
  const { DRAIN_TIMEOUT_MS } = await import('./cli/serve.ts')
  const { runCommandLine } = await import('./cli/program.ts')
  const { outputTaken, reportInternalErrors, surviveClosedOutput } = await import('./cli/process-guards.ts')
  surviveClosedOutput()
  reportInternalErrors()
  const startServer: StartServer = async (options) => (await import('./wiring.ts')).startServer(options)
  const exitCode = await runCommandLine(process.argv.slice(2), {
    startServer,
    writeOut: (text) => process.stdout.write(text),
    writeError: (text) => process.stderr.write(text),
    exitNow: (exitCode) => process.exit(exitCode),
    drainTimeoutMs: DRAIN_TIMEOUT_MS,
  })
  await outputTaken()
  return exitCode
}

if (Number.parseInt(process.versions.node, 10) < NODE_MAJOR_MIN) {
  process.stderr.write(
    `lunette: Node ${NODE_MAJOR_MIN} or newer is needed, this is ${process.versions.node}; npm start brings its own\n`,
  )
  process.exitCode = 1
} else {
  process.exit(await main())
}
