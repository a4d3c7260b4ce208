/**
 * `san.yaml` on its way to the server and back. Secrets are named by files, which are read here, so that the file itself
 * can be shown around and kept under version control; whoever writes a secret into it is told, before it is sent.
 */

import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parseDocument, stringify } from 'yaml'
import { causeOf, Failure } from '../../failure.ts'
import { UNCHANGED } from '../../management/declaration/schema.ts'
import { readSecret } from '../client/secret-file.ts'

/** More than any array's; a file beyond this is the wrong file. */
const FILE_BYTES_MAX = 16 * 1024 ** 2

/** The declaration in `path` (`-` for standard input), with the secrets of the files that it names. Errors: `Failure`. */
export function readSanFile(path: string, warn: (sentence: string) => void): unknown {
  const text = readText(path)
  const document = parseDocument(text)
  const [error] = document.errors
  if (error !== undefined) throw new Failure(`${path} is not YAML: ${error.message.split('\n')[0]}`)
  const folder = path === '-' ? '.' : dirname(path)
  return withSecrets(document.toJS({ maxAliasCount: 100 }) ?? {}, '', (place, file) =>
    readSecret(`${path}${place}`, resolve(folder, file), warn),
  )
}

function readText(path: string): string {
  let text: string
  try {
    text = readFileSync(path === '-' ? 0 : path, 'utf8')
  } catch (error) {
    throw new Failure(`cannot read ${path}: ${causeOf(error)}`, { cause: error })
  }
  if (text.length > FILE_BYTES_MAX)
    throw new Failure(`${path} has more than ${FILE_BYTES_MAX} bytes: is it the right file?`)
  return text
}

type ReadSecret = (place: string, file: string) => string

/** The same value, where each `secretFile` has become the `secret` that it holds. */
function withSecrets(value: unknown, place: string, read: ReadSecret): unknown {
  if (Array.isArray(value)) return value.map((item, index) => withSecrets(item, `${place}/${index}`, read))
  if (typeof value !== 'object' || value === null) return value
  const { secretFile, ...rest } = value as Record<string, unknown>
  if (rest.secret !== undefined && rest.secret !== UNCHANGED) {
    throw new Failure(
      `${place}/secret: a secret is not written into this file: name the file that holds it as secretFile`,
    )
  }
  const inner = Object.fromEntries(
    Object.entries(rest).map(([name, item]) => [name, withSecrets(item, `${place}/${name}`, read)]),
  )
  if (secretFile === undefined) return inner
  if (typeof secretFile !== 'string' || rest.secret !== undefined) {
    throw new Failure(`${place}/secretFile: allowed is the name of one file, and no secret beside it`)
  }
  return { ...inner, secret: read(`${place}/secretFile`, secretFile) }
}

const HEADER = `# The configuration of an array, written by lunette export. lunette plan shows what applying it would change.
# Secrets are not in it: "unchanged" keeps the one that is there; secretFile: FILE sets the one in the file.
`

export function formatSanFile(declaration: unknown): string {
  return HEADER + stringify(declaration, { lineWidth: 120 })
}
