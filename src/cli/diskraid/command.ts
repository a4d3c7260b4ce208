/**
 * `lunette diskraid`: Microsoft's DiskRAID over the API, so that an administrator's scripts run. Without arguments it asks
 * for commands one by one; `/s FILE` runs a script, which ends at the first failure that it does not expect.
 */

import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import type { Command as CommanderCommand } from 'commander'
import { causeOf, Failure, UsageError } from '../../failure.ts'
import { ApiClient } from '../client/api-client.ts'
import { waitForJob } from '../client/jobs.ts'
import { locateServer, type ServerWords } from '../client/server-location.ts'
import { addServerOptions, type NounEnvironment } from '../nouns/noun.ts'
import { FOREIGN_COMMANDS } from './foreign-commands.ts'
import { LOOK_COMMANDS } from './look-commands.ts'
import { LUN_COMMANDS } from './lun-commands.ts'
import { DISKRAID_EXIT, Shell } from './shell.ts'
import { TARGET_COMMANDS } from './target-commands.ts'

const PROMPT = 'DISKRAID> '

const EXIT_CODES = `
Exit codes, as DiskRAID's:
  0  everything was done        3  the script cannot be read
  1  an internal error          4  the server refused, or cannot be reached
  2  the arguments are wrong    5  a command is not understood, or nothing or the wrong thing is selected
`

export const DISKRAID_COMMANDS = [...LOOK_COMMANDS, ...TARGET_COMMANDS, ...LUN_COMMANDS, ...FOREIGN_COMMANDS]

export function addDiskRaid(
  program: CommanderCommand,
  environment: NounEnvironment,
  end: (code: number) => void,
): void {
  const command = program
    .command('diskraid')
    .summary("commands and scripts of Microsoft's DiskRAID")
    .description("Understand the commands of Microsoft's DiskRAID: one by one, or from a script with /s FILE.")
    .argument('[/s FILE]', 'a script: one command a line, rem for remarks')
    .allowExcessArguments()
    .helpOption('--help', 'print this help')
    .addHelpText('after', EXIT_CODES)
  addServerOptions(command).action(async () => {
    const script = readArguments(command.args)
    const shell = createShell(command.opts(), environment)
    end(script === null ? await converse(shell) : await runScript(shell, script))
  })
}

/** The script's path; null without one. Errors: `UsageError`. */
function readArguments(args: readonly string[]): string | null {
  if (args.length === 0) return null
  const [option = '', path, ...rest] = args
  if (/^[/-]s$/i.test(option) && path !== undefined && rest.length === 0) return path
  throw new UsageError(`${args.join(' ')} is not understood: allowed is /s FILE`)
}

function createShell(words: ServerWords, { writeOut }: NounEnvironment): Shell {
  const api = new ApiClient(() => locateServer(words))
  return new Shell({ api, print: writeOut, finish: (job) => waitForJob(api, job), commands: DISKRAID_COMMANDS })
}

/** Each line in turn. Returns the exit code of the first that ends the script. */
async function runScript(shell: Shell, path: string): Promise<number> {
  const lines = await readScript(path)
  for (const [index, line] of lines.entries()) {
    const code = await shell.run(line)
    if (code !== DISKRAID_EXIT.fine) {
      shell.say(`The script ends at line ${index + 1}.`)
      return code
    }
    if (shell.hasExited) break
  }
  return DISKRAID_EXIT.fine
}

/** Notepad's scripts may be UTF-16, or begin with a byte order mark. */
async function readScript(path: string): Promise<readonly string[]> {
  try {
    const bytes = await readFile(path)
    const isUtf16 = bytes[0] === 0xff && bytes[1] === 0xfe
    return new TextDecoder(isUtf16 ? 'utf-16le' : 'utf-8').decode(bytes).split(/\r?\n/)
  } catch (error) {
    const failure = new Failure(`cannot read the script ${path}: ${causeOf(error)}`, { cause: error })
    failure.exitCode = DISKRAID_EXIT.cannotOpen
    throw failure
  }
}

/** Ask for commands until `exit` or the end of the input; what fails is said and the next one is asked for. */
async function converse(shell: Shell): Promise<number> {
  const lines = createInterface({
    input: process.stdin,
    terminal: process.stdin.isTTY,
    output: process.stdout,
    prompt: PROMPT,
  })
  lines.prompt()
  for await (const line of lines) {
    await shell.run(line)
    if (shell.hasExited) break
    lines.prompt()
  }
  lines.close()
  return DISKRAID_EXIT.fine
}
