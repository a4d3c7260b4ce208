/**
 * Runs one external program to its end: output collected, time bounded, nothing left behind. Interop tests and
 * benchmarks call other people's initiators through this file only.
 */

import { spawn } from 'node:child_process'
import { adoptChild, describeExit, type ExitStatus } from './child-processes.ts'
import { explainMissingTool, TOOL_SEARCH_PATH } from './tools.ts'

export interface ToolOptions {
  readonly cwd?: string
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>
  /** The program is killed after this long; default 120 seconds. */
  readonly timeoutMs?: number
}

export interface ToolResult extends ExitStatus {
  readonly stdout: string
  readonly stderr: string
  readonly hasTimedOut: boolean
}

const DEFAULT_TIMEOUT_MS = 120_000

/**
 * Runs `command` and returns how it ended, whatever that is.
 * Errors: rejects only when the program cannot be started; the message names the package to install.
 */
export async function tryTool(
  command: string,
  args: readonly string[],
  options: ToolOptions = {},
): Promise<ToolResult> {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PATH: TOOL_SEARCH_PATH, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  let hasTimedOut = false
  const timer = setTimeout(() => {
    hasTimedOut = true
    child.kill('SIGKILL')
  }, options.timeoutMs ?? DEFAULT_TIMEOUT_MS)
  try {
    const status = await adoptChild(child)
    return { ...status, stdout, stderr, hasTimedOut }
  } catch (error) {
    throw new Error(explainMissingTool(command), { cause: error })
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Runs `command`, which must succeed, and returns what it wrote to stdout.
 * Errors: rejects with the command line, how it ended and everything it printed.
 */
export async function runTool(command: string, args: readonly string[], options: ToolOptions = {}): Promise<string> {
  const result = await tryTool(command, args, options)
  if (result.exitCode === 0) return result.stdout
  const end = result.hasTimedOut ? 'no end within its time' : describeExit(result)
  throw new Error(`${command} ${args.join(' ')}: ${end}\n${result.stdout}${result.stderr}`)
}
