/**
 * The command line: which commands there are, what `--help` says about them, and how the outcome becomes an exit code.
 * `serve` is the default command, so its options may follow the program's name directly. What speaks to a running server
 * is in `nouns/`, one file a noun.
 */

import { existsSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { EXIT_CODE, Failure, UsageError } from '../failure.ts'
import { packageVersion } from '../package-version.ts'
import { suggestion } from '../suggestion.ts'
import { addCompletion } from './completion.ts'
import { addDeclarationCommands } from './declaration/commands.ts'
import { addDiskRaid } from './diskraid/command.ts'
import { NOUNS } from './nouns/all.ts'
import { BACKUP, EVENTS } from './nouns/follow.ts'
import { addNoun, addVerb } from './nouns/noun.ts'
import { addRestore } from './restore.ts'
import { type ServeEnvironment, serve } from './serve.ts'
import { addServeOptions, SERVE_NOTES } from './serve-options.ts'
import { readServeRequest, type ServeWords } from './serve-request.ts'
import { listSettings } from './settings-request.ts'
import { runTunnel } from './tunnel.ts'
import { addTunnelOptions } from './tunnel-options.ts'
import { readTunnelRequest, type TunnelWords } from './tunnel-request.ts'

/** Run `lunette` with these arguments (without node and script). Returns the exit code; writes what there is to say. */
export async function runCommandLine(args: readonly string[], environment: ServeEnvironment): Promise<number> {
  let exitCode: number = EXIT_CODE.ok
  const program = createProgram(args, environment, {
    async serve(files, words) {
      if (args[0] === files[0]) demandNoCommand(files[0] ?? '', program)
      // With options in front of it, commander takes the word "serve" for the first FILE of the default command.
      const isCommandWord = args[0] !== 'serve' && files[0] === 'serve'
      exitCode = await serve(readServeRequest(isCommandWord ? files.slice(1) : files, words), environment)
    },
    async tunnel(words) {
      exitCode = await runTunnel(readTunnelRequest(words), environment)
    },
    end: (code) => {
      exitCode = code
    },
  })
  try {
    await program.parseAsync(args, { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_CODE.ok : EXIT_CODE.usage
    if (error instanceof UsageError) {
      environment.writeError(`lunette: ${error.message} (see ${helpCommand(args, program)} --help)\n`)
      return EXIT_CODE.usage
    }
    if (!(error instanceof Failure)) throw error
    environment.writeError(`lunette: ${error.message}\n`)
    return error.exitCode
  }
}

interface Actions {
  serve(files: string[], words: ServeWords): Promise<void>
  tunnel(words: TunnelWords): Promise<void>
  /** The exit code of a command that has ended well but has more to say than that. */
  end(exitCode: number): void
}

function createProgram(args: readonly string[], environment: ServeEnvironment, actions: Actions): Command {
  const { writeOut, writeError } = environment
  const program: Command = new Command('lunette')
    .description('A software SAN: serves files as disks to iSCSI initiators.')
    .version(packageVersion(), '--version', 'print the version')
    .helpOption('--help', 'print this help')
    .configureOutput({
      writeOut,
      writeErr: writeError,
      outputError: (text, write) => write(oneSentence(text, helpCommand(args, program))),
    })
    .configureHelp({ helpWidth: 110 })
    .exitOverride()
  const serveCommand = addServeOptions(program.command('serve', { isDefault: true })).action(actions.serve)
  addTunnelOptions(program.command('tunnel')).action(actions.tunnel)
  program
    .command('limits')
    .helpOption('--help', 'print this help')
    .summary('list what --limit and --parameter can set')
    .description('List every limit and every login parameter with its default and what is allowed.')
    .action(() => writeOut(listSettings()))
  program.commandsGroup('Manage a running server:')
  for (const noun of NOUNS) addNoun(program, noun, environment)
  for (const verb of [EVENTS, BACKUP]) addVerb(program, verb, environment)
  addDeclarationCommands(program, environment, actions.end)
  addDiskRaid(program, environment, actions.end)
  program.commandsGroup('Commands:')
  addRestore(program, environment)
  addCompletion(program)
  program.addHelpText('after', () => `\n${serveCommand.helpInformation()}${SERVE_NOTES}`)
  serveCommand.addHelpText('after', SERVE_NOTES)
  return program
}

/** A command that is mistyped must not become a disk: `lunette luns` makes no file of that name. */
function demandNoCommand(word: string, program: Command): void {
  const names = program.commands.map((command) => command.name()).filter((name) => name !== 'complete')
  const meant = suggestion(word, names)
  if (meant === '' || existsSync(word)) return
  throw new UsageError(
    `there is no command ${word}${meant}; a disk of that name would be made with lunette serve ${word}`,
  )
}

/** `lunette lun create`, as far as the arguments name commands. */
function helpCommand(args: readonly string[], program: Command): string {
  const path = [program.name()]
  let command: Command | undefined = program
  for (const arg of args) {
    command = command.commands.find((candidate) => candidate.name() === arg)
    if (command === undefined || arg === 'serve') break
    path.push(arg)
  }
  return path.join(' ')
}

/** Commander's complaint in our form; without the value of an unknown option, which may be a secret. */
function oneSentence(text: string, command: string): string {
  const complaint = text
    .trim()
    .replace(/^error: /, '')
    .replaceAll(/\s*\n\s*/g, ' ')
  return `lunette: ${complaint.replace(/^(unknown option '[^=]*)=.*'/, "$1'")} (see ${command} --help)\n`
}
