/**
 * Where the server's API is and what we show to be let in, from `--server`, `--token-file` and `--data` and their
 * environment variables. Decides before anything is sent: a token never travels unencrypted beyond this machine.
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isLoopback } from '../../../protocol/ip-addresses.ts'
import { causeOf, Failure, systemErrorCode, UsageError } from '../../failure.ts'

export const SERVER_DEFAULT = 'http://127.0.0.1:3280'
export const DATA_DIRECTORY_DEFAULT = './lunette-data'
const TOKEN_FILE_NAME = 'api-token'

/** The option values as commander hands them over. */
export interface ServerWords {
  readonly server?: string
  readonly tokenFile?: string
  readonly data?: string
}

export interface ServerLocation {
  /** `https://HOST:PORT`, without a path. */
  readonly origin: string
  readonly token: string
}

type Environment = Readonly<Record<string, string | undefined>>

/** Errors: `UsageError` for words that cannot be right, `Failure` when the token cannot be read. */
export function locateServer(words: ServerWords, environment: Environment = process.env): ServerLocation {
  const origin = readOrigin(words.server ?? environment.LUNETTE_SERVER ?? SERVER_DEFAULT)
  const tokenFile = words.tokenFile ?? environment.LUNETTE_TOKEN_FILE
  return { origin, token: readToken(tokenFile ?? join(words.data ?? DATA_DIRECTORY_DEFAULT, TOKEN_FILE_NAME)) }
}

function readOrigin(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  const isRoot = url !== null && url.pathname === '/' && url.search === '' && url.hash === '' && url.username === ''
  if (!isRoot || !['http:', 'https:'].includes(url.protocol)) {
    throw new UsageError(
      `--server ${text} is not the address of a server: allowed is http://HOST:PORT or https://HOST:PORT`,
    )
  }
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (url.protocol === 'http:' && host !== 'localhost' && !isLoopback(host)) {
    throw new UsageError(
      `--server ${text} would send the token over the network unencrypted: use https://, or a tunnel to this machine`,
    )
  }
  return url.origin
}

function readToken(path: string): string {
  let text: string
  try {
    text = readFileSync(path, 'utf8').trim()
  } catch (error) {
    const isMissing = systemErrorCode(error) === 'ENOENT'
    const hint = isMissing
      ? "; a server makes it at its first start: name the server's data directory with --data, or the file with --token-file"
      : ''
    throw new Failure(`cannot read the token in ${path}: ${causeOf(error)}${hint}`, { cause: error })
  }
  if (/^[\x21-\x7e]+$/.test(text)) return text
  throw new Failure(`${path} holds no token: a token is one word on one line`)
}
