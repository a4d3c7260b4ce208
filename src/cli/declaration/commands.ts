/**
 * `lunette plan`, `apply`, `export` and `schema`: the whole array as one file. An apply shows its plan first, asks on a
 * terminal, and is refused when the configuration has changed since the plan. What reads YAML and schemas is loaded when it
 * is needed, so that other commands start without it.
 */

import { existsSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline/promises'
import type { Command } from 'commander'
import { causeOf, EXIT_CODE, Failure, UsageError } from '../../failure.ts'
import type { PlannedChange } from '../../management/declaration/plan.ts'
import { type ApiSession, addVerb, type NounEnvironment, type OptionRow, type Verb, type Words } from '../nouns/noun.ts'
import { readText } from '../nouns/words.ts'
import { formatPlan } from './plan-text.ts'

const FILE: OptionRow = {
  flags: '-f, --file <FILE>',
  text: 'the declaration in YAML, - for standard input',
  isRequired: true,
}
const CHOICE: readonly OptionRow[] = [
  { flags: '--target <NAME>', text: 'this target alone, with the LUNs and portals that it names' },
  { flags: '--prune', text: 'delete what is not declared, LUNs with what is stored in them' },
]

/** `end` gets the exit code of a plan that finds something with `--check`. */
export function addDeclarationCommands(
  program: Command,
  environment: NounEnvironment,
  end: (exitCode: number) => void,
): void {
  for (const verb of [plan(end), APPLY, EXPORT]) addVerb(program, verb, environment)
  program
    .command('schema')
    .summary('print the JSON Schema of declarations')
    .description('Print the JSON Schema of declarations, for editors and checks.')
    .helpOption('--help', 'print this help')
    .action(async () => {
      const { fileSchema } = await import('../../management/declaration/schema.ts')
      environment.writeOut(`${JSON.stringify(fileSchema(), null, 2)}\n`)
    })
}

interface Planned {
  readonly request: { readonly declaration: unknown; readonly onlyTarget?: string; readonly prune?: boolean }
  readonly changes: readonly PlannedChange[]
  /** Of the configuration that the plan is for. */
  readonly etag: string | null
}

async function askForPlan({ api, warn }: ApiSession, words: Words): Promise<Planned> {
  const onlyTarget = readText(words, 'target')
  if (onlyTarget !== undefined && words.prune === true) {
    throw new UsageError('--prune deletes what no target needs, so it is not for --target')
  }
  const { readSanFile } = await import('./san-file.ts')
  const request = {
    declaration: readSanFile(readText(words, 'file') ?? '', warn),
    ...(onlyTarget === undefined ? {} : { onlyTarget }),
    ...(words.prune === true ? { prune: true } : {}),
  }
  const { body, etag } = await api.request<{ changes: PlannedChange[] }>('POST', '/configuration/plan', {
    body: request,
  })
  return { request, changes: body.changes, etag }
}

const show = ({ output, write }: ApiSession, changes: readonly PlannedChange[]) =>
  output.isJson
    ? write(`${JSON.stringify({ changes }, null, 2)}
`)
    : write(formatPlan(changes))

const plan = (end: (exitCode: number) => void): Verb => ({
  usage: 'plan',
  summary: 'show what applying a declaration would change',
  options: [FILE, ...CHOICE, { flags: '--check', text: `exit with ${EXIT_CODE.differs} when something would` }],
  async run(session, _args, words) {
    const { changes } = await askForPlan(session, words)
    show(session, changes)
    if (words.check === true && changes.length > 0) end(EXIT_CODE.differs)
  },
})

const APPLY: Verb = {
  usage: 'apply',
  summary: 'make the array what a declaration says: all of it or nothing',
  options: [FILE, ...CHOICE, { flags: '--yes', text: 'without asking' }],
  async run(session, _args, words) {
    const { api, output } = session
    if (words.yes !== true && (output.isJson || words.file === '-' || !process.stdin.isTTY)) {
      throw new UsageError('apply asks on a terminal before it changes anything; --yes does not ask')
    }
    const { request, changes, etag } = await askForPlan(session, words)
    if (!output.isJson || changes.length === 0) show(session, changes)
    if (changes.length === 0) return
    if (words.yes !== true && !(await isConfirmed())) throw new Failure('nothing was applied')
    const { body } = await api.request('POST', '/configuration/apply', { body: request, ifMatch: etag })
    output.done('Applied.', body)
  },
}

async function isConfirmed(): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(?:es)?$/i.test((await lines.question('Apply this? [y/N] ')).trim())
  } finally {
    lines.close()
  }
}

const EXPORT: Verb = {
  usage: 'export',
  summary: 'write the configuration as a declaration, without secrets',
  options: [
    { flags: '-f, --file <FILE>', text: 'a file that does not exist (default: standard output)' },
    { flags: '--overwrite', text: 'also one that does' },
  ],
  async run({ api, output, write }, _args, words) {
    const file = readText(words, 'file')
    const declaration = await api.get<unknown>('/configuration')
    const { formatSanFile } = await import('./san-file.ts')
    const text = output.isJson ? `${JSON.stringify(declaration, null, 2)}\n` : formatSanFile(declaration)
    if (file === undefined) return write(text)
    if (words.overwrite !== true && existsSync(file)) throw new Failure(`${file} exists; --overwrite replaces it`)
    try {
      writeFileSync(file, text)
    } catch (error) {
      throw new Failure(`cannot write ${file}: ${causeOf(error)}`, { cause: error })
    }
  },
}
