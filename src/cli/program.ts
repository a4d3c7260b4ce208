/**
 * The command line: which commands and options there are, what `--help` says about them, and how the outcome becomes an
 * exit code. `serve` is the default command, so its options may follow the program's name directly.
 */

import { readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import { Command, CommanderError } from 'commander'
import { EXIT_CODE, Failure, UsageError } from '../failure.ts'
import { LOG_LEVELS } from '../log.ts'
import { formatSize, SIZE_FORMS } from '../size.ts'
import { formatEndpoint, LISTEN_DEFAULT } from './listen-address.ts'
import { DRAIN_TIMEOUT_MS, type ServeEnvironment, serve } from './serve.ts'
import { readServeRequest, type ServeWords } from './serve-request.ts'

const DATA_DIRECTORY_DEFAULT = './lunette-data'

const EXAMPLES = `
Examples:
  lunette                                      the disk in ${DATA_DIRECTORY_DEFAULT}, made with 1 GiB at the first start
  lunette serve disk.img                       an existing file as LUN 0
  lunette serve a.img b.img --size 500G        LUN 0 and 1; those that do not exist are made, taking no space yet
  lunette serve a.img --listen 192.168.1.5 --chap-user alice --chap-secret-file alice.secret
                                               for other machines, with a password
  lunette serve a.img --listen [::1]:3261 --listen 127.0.0.1:3261
                                               two portals

Sizes: ${SIZE_FORMS}.
An existing file is served with the size it has; it is never truncated, grown or overwritten at the start.
A secret file holds one line of 12 to 16 bytes (longer ones work, but not with Windows).

Exit codes:
  0    stopped in order: everything is written to disk
  1    could not start (file missing, in use or not permitted, port taken), failed while running, or did not end
       within ${DRAIN_TIMEOUT_MS / 1000} s of being asked to
  2    the command line is wrong
  130  ended at once by a second SIGINT; 143 by a second SIGTERM
`

/** Run `lunette` with these arguments (without node and script). Returns the exit code; writes what there is to say. */
export async function runCommandLine(args: readonly string[], environment: ServeEnvironment): Promise<number> {
  let exitCode: number = EXIT_CODE.ok
  const program = createProgram(environment, async (files, words) => {
    // With options in front of it, commander takes the word "serve" for the first FILE of the default command.
    const isCommandWord = args[0] !== 'serve' && files[0] === 'serve'
    exitCode = await serve(readServeRequest(isCommandWord ? files.slice(1) : files, words), environment)
  })
  try {
    await program.parseAsync(args, { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_CODE.ok : EXIT_CODE.usage
    if (error instanceof UsageError) {
      environment.writeError(`lunette: ${error.message} (see lunette --help)\n`)
      return EXIT_CODE.usage
    }
    if (!(error instanceof Failure)) throw error
    environment.writeError(`lunette: ${error.message}\n`)
    return EXIT_CODE.failure
  }
}

type ServeAction = (files: string[], words: ServeWords) => Promise<void>

function createProgram({ writeOut, writeError }: ServeEnvironment, serveAction: ServeAction): Command {
  const program = new Command('lunette')
    .description('A software SAN: serves files as disks to iSCSI initiators.')
    .version(packageVersion(), '--version', 'print the version')
    .helpOption('--help', 'print this help')
    .configureOutput({
      writeOut,
      writeErr: writeError,
      outputError: (text, write) => write(oneSentence(text)),
    })
    .configureHelp({ helpWidth: 110 })
    .exitOverride()
  const serveCommand = addServeOptions(program.command('serve', { isDefault: true })).action(serveAction)
  program.addHelpText('after', () => `\n${serveCommand.helpInformation()}${EXAMPLES}`)
  serveCommand.addHelpText('after', EXAMPLES)
  return program
}

/** Commander's complaint in our form; without the value of an unknown option, which may be a secret. */
function oneSentence(text: string): string {
  const complaint = text
    .trim()
    .replace(/^error: /, '')
    .replaceAll(/\s*\n\s*/g, ' ')
  return `lunette: ${complaint.replace(/^(unknown option '[^=]*)=.*'/, "$1'")} (see lunette --help)\n`
}

function addServeOptions(command: Command): Command {
  const collect = (value: string, previous: readonly string[] = []) => [...previous, value]
  return command
    .helpOption('--help', 'print this help')
    .summary('serve disks (the default command)')
    .description('Serve each FILE as a disk: the first is LUN 0, the next LUN 1 and so on.')
    .argument('[FILE...]', `disk files (default: disk-0.img in the data directory, ${formatSize(1024 ** 3)})`)
    .option('--size <SIZE>', 'size of disks that are to be made, such as 10G; an existing FILE must have it')
    .option('--block-size <BYTES>', '512 or 4096 (default: what the disk had before, else 512)')
    .option('--read-only', 'refuse every write')
    .option(
      '--listen <ADDRESS[:PORT]>',
      `where to listen; may be given several times (default: ${formatEndpoint(LISTEN_DEFAULT)})`,
      collect,
    )
    .option('--target-name <NAME>', 'iSCSI name of the target (default: one that was generated at the first start)')
    .option('--chap-user <NAME>', 'demand CHAP: initiators log in with this name')
    .option('--chap-secret-file <FILE>', 'the file with their secret')
    .option('--mutual-chap-user <NAME>', 'prove ourselves to initiators that ask, with this name')
    .option('--mutual-chap-secret-file <FILE>', 'the file with our secret')
    .option('--allow-unauthenticated', 'listen beyond this machine without CHAP: everybody there can change the disks')
    .option('--data <DIR>', 'data directory: names, identities and the default disk', DATA_DIRECTORY_DEFAULT)
    .option('--log-level <LEVEL>', `${LOG_LEVELS.join(', ')}; the log goes to standard error`, 'info')
}

function packageVersion(): string {
  const path = findPackageJSON(import.meta.url)
  return path === undefined ? 'unknown' : String(JSON.parse(readFileSync(path, 'utf8')).version)
}
