/**
 * `lunette NOUN VERB`: a noun is a table of verbs, and this makes commands of it. The options that lead to the server are
 * the same for all of them, so each verb is left with its own words and what it does.
 */

import type { Command } from 'commander'
import { ApiClient } from '../client/api-client.ts'
import { NO_PROGRESS, type Progress, progressBar, waitForJob } from '../client/jobs.ts'
import type { Job } from '../client/resources.ts'
import { locateServer, SERVER_DEFAULT, type ServerWords } from '../client/server-location.ts'
import { createOutput, type Output } from '../output.ts'

/** The values of a verb's own options, under their names in camelCase. */
export type Words = Readonly<Record<string, string | boolean | readonly string[] | undefined>>

export interface OptionRow {
  /** Such as `--size <SIZE>`. */
  readonly flags: string
  readonly text: string
  readonly isRequired?: boolean
  /** May be given several times. */
  readonly isRepeatable?: boolean
  readonly choices?: readonly string[]
}

export interface Verb {
  /** The verb and its arguments, such as `extend <LUN> <SIZE>`. */
  readonly usage: string
  readonly summary: string
  readonly options?: readonly OptionRow[]
  run(session: ApiSession, args: readonly string[], words: Words): Promise<void>
}

export interface Noun {
  readonly name: string
  readonly summary: string
  readonly verbs: readonly Verb[]
}

/** One command's connection to the server and to the person who typed it. */
export interface ApiSession {
  readonly api: ApiClient
  readonly output: Output
  readonly write: (text: string) => void
  /** Tell the person something that scripts do not read. */
  readonly warn: (sentence: string) => void
  /** Wait for what `api.start` began. */
  finish(job: Job): Promise<Job>
}

/** What the commands need of the world around them. */
export interface NounEnvironment {
  readonly writeOut: (text: string) => void
  readonly writeError: (text: string) => void
}

export function addNoun(program: Command, noun: Noun, environment: NounEnvironment): void {
  const command = program
    .command(noun.name)
    .summary(noun.summary)
    .description(sentence(noun.summary))
    .helpOption('--help', 'print this help')
  for (const verb of noun.verbs) addVerb(command, verb, environment)
}

/** A command of one word, such as `plan`, is a verb without a noun. */
export function addVerb(parent: Command, verb: Verb, environment: NounEnvironment): void {
  const command = parent
    .command(verb.usage)
    .summary(verb.summary)
    .description(sentence(verb.summary))
    .helpOption('--help', 'print this help')
  for (const row of verb.options ?? []) addOption(command, row)
  addServerOptions(command).action(async (...values: unknown[]) => {
    const words = values.at(-2) as Words
    const args = values
      .slice(0, -2)
      .flat()
      .filter((value) => value !== undefined) as string[]
    await verb.run(openSession(words, environment), args, words)
  })
}

const sentence = (summary: string) => `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`

/** The options with which every command finds its server. */
export function addServerOptions(command: Command): Command {
  return command
    .option('--server <URL>', `the server's API (default: $LUNETTE_SERVER, or ${SERVER_DEFAULT})`)
    .option('--token-file <FILE>', 'what lets us in (default: $LUNETTE_TOKEN_FILE, or api-token in the data directory)')
    .option('--data <DIR>', "the server's data directory (default: ./lunette-data)")
    .option('--json', "print the API's JSON")
}

function addOption(command: Command, { flags, text, isRequired, isRepeatable, choices }: OptionRow): void {
  const option = command.createOption(flags, isRepeatable ? `${text}; may be given several times` : text)
  if (isRequired) option.makeOptionMandatory()
  if (choices !== undefined) option.choices(choices)
  if (isRepeatable) {
    option.argParser((value: string, previous: readonly string[] = []) => [...previous, value])
  }
  command.addOption(option)
}

function openSession(words: Words, { writeOut, writeError }: NounEnvironment): ApiSession {
  const isJson = words.json === true
  const api = new ApiClient(() => locateServer(words as ServerWords))
  return {
    api,
    output: createOutput(writeOut, isJson),
    write: writeOut,
    warn: (sentence) => writeError(`lunette: ${sentence}\n`),
    finish: (job) => waitForJob(api, job, watcher(isJson)),
  }
}

function watcher(isJson: boolean): Progress {
  return isJson || !process.stderr.isTTY ? NO_PROGRESS : progressBar(process.stderr)
}
