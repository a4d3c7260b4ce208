/** The tables of docs/management/cli.md and diskraid.md, from the rows that the commands themselves are made of. */

import { join } from 'node:path'
import { DISKRAID_COMMANDS } from '../../src/cli/diskraid/command.ts'
import { FOREIGN_COMMANDS } from '../../src/cli/diskraid/foreign-commands.ts'
import { usageOf } from '../../src/cli/diskraid/parser.ts'
import type { Command } from '../../src/cli/diskraid/shell.ts'
import { NOUNS } from '../../src/cli/nouns/all.ts'
import type { OptionRow, Verb } from '../../src/cli/nouns/noun.ts'
import { EXIT_CODE } from '../../src/failure.ts'
import { ROOT } from '../tidy/source-files.ts'
import { formatMarkdownTable } from './markdown-table.ts'

export interface GeneratedGuide {
  readonly path: string
  /** By the name under which the guide marks their place. */
  readonly tables: Readonly<Record<string, () => string>>
}

export const MANAGEMENT_GUIDES: readonly GeneratedGuide[] = [
  { path: join(ROOT, 'docs/management/cli.md'), tables: { commands: formatCommands, 'exit codes': formatExitCodes } },
  { path: join(ROOT, 'docs/management/diskraid.md'), tables: { commands: formatDiskRaid, refused: formatRefused } },
]

function formatCommands(): string {
  const rows = NOUNS.flatMap(({ name, verbs }) =>
    verbs.map((verb) => [code(`lunette ${name} ${words(verb)}`), verb.summary]),
  )
  return formatMarkdownTable(['Command', 'What it does'], rows)
}

const words = ({ usage, options = [] }: Verb) => [usage, ...options.map(optionWords)].join(' ')

function optionWords({ flags, isRequired, isRepeatable }: OptionRow): string {
  const written = isRequired === true ? flags : `[${flags}]`
  return isRepeatable === true ? `${written}...` : written
}

const MEANINGS: Readonly<Record<keyof typeof EXIT_CODE, string>> = {
  ok: 'done',
  failure: 'it failed: a file, the answer of a server, an error of the server',
  usage: 'the command line is wrong',
  unreachable: 'no server answers',
  notFound: 'there is no such object, or the name is that of several',
  refused: 'the server refused it, or the job failed: the message ends with the HRESULT',
  forbidden: 'the token is not known, or its role does not suffice',
  differs: '`plan --check` found that something would change',
  interrupted: 'ended by SIGINT',
  terminated: 'ended by SIGTERM',
}

function formatExitCodes(): string {
  const rows = Object.entries(EXIT_CODE).map(([name, exitCode]) => [
    String(exitCode),
    MEANINGS[name as keyof typeof EXIT_CODE],
  ])
  return formatMarkdownTable(['Exit code', 'Meaning'], rows)
}

function formatDiskRaid(): string {
  const foreign: readonly Command[] = FOREIGN_COMMANDS
  const served = DISKRAID_COMMANDS.filter((row) => !foreign.includes(row))
  return formatMarkdownTable(
    ['Command', 'Selected before'],
    served.map((row) => [code(usageOf(row)), row.needs ?? '']),
  )
}

function formatRefused(): string {
  return formatMarkdownTable(
    ['Command', 'Why'],
    FOREIGN_COMMANDS.map((row) => [code(usageOf(row)), row.reason]),
  )
}

const code = (text: string) => `\`${text.replaceAll('|', '\\|')}\``
