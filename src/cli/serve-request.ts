/**
 * From the words of `lunette serve` to what is asked for: every value parsed, every combination checked. What is wrong
 * here shows from the words alone, so each complaint is a `UsageError`; files and network are looked at later.
 */

import { prepareOwnName } from '../../protocol/names.ts'
import { UsageError } from '../failure.ts'
import { LOG_LEVELS, type LogLevel } from '../log.ts'
import type { Endpoint } from '../server-options.ts'
import { parseSize } from '../size.ts'
import { formatEndpoint, isLoopback, LISTEN_DEFAULT, parseListenAddress } from './listen-address.ts'

/** The option values as commander hands them over. */
export interface ServeWords {
  readonly size?: string
  readonly listen?: readonly string[]
  readonly data: string
  readonly targetName?: string
  readonly chapUser?: string
  readonly chapSecretFile?: string
  readonly mutualChapUser?: string
  readonly mutualChapSecretFile?: string
  readonly allowUnauthenticated?: boolean
  readonly readOnly?: boolean
  readonly blockSize?: string
  readonly logLevel: string
}

/** One side's CHAP name, and where its secret is. */
export interface ChapRequest {
  readonly user: string
  readonly secretFile: string
}

export interface ServeRequest {
  /** Empty for the data directory's own disk. */
  readonly files: readonly string[]
  readonly sizeBytes: number | null
  readonly listen: readonly Endpoint[]
  readonly dataDirectory: string
  readonly targetName: string | null
  readonly chap: ChapRequest | null
  readonly mutualChap: ChapRequest | null
  readonly readOnly: boolean
  readonly blockLengthBytes: 512 | 4096 | null
  readonly logLevel: LogLevel
}

/** SAM-5 lets a target have more, but initiators scan only so many by default. */
const LUNS_MAX = 256

/** Errors: `UsageError`, naming the option, its value and what is allowed. */
export function readServeRequest(files: readonly string[], words: ServeWords): ServeRequest {
  const chap = readChap('chap', words.chapUser, words.chapSecretFile)
  const mutualChap = readChap('mutual-chap', words.mutualChapUser, words.mutualChapSecretFile)
  if (mutualChap !== null && chap === null) {
    throw new UsageError(
      '--mutual-chap-user needs --chap-user: the target proves itself only to those who prove themselves',
    )
  }
  if (files.length > LUNS_MAX) throw new UsageError(`${files.length} files are too many: the most is ${LUNS_MAX}`)
  if (files.includes('')) throw new UsageError('a FILE is empty: name a disk file')
  if (words.data === '') throw new UsageError('--data is empty: name a directory')

  const blockLengthBytes = readBlockLength(words.blockSize)
  const listen = readListen(words.listen)
  demandProtection(listen, chap !== null, words.allowUnauthenticated ?? false)
  return {
    files,
    sizeBytes: readSize(words.size, blockLengthBytes),
    listen,
    dataDirectory: words.data,
    targetName: readTargetName(words.targetName),
    chap,
    mutualChap,
    readOnly: words.readOnly ?? false,
    blockLengthBytes,
    logLevel: readLogLevel(words.logLevel),
  }
}

function readSize(text: string | undefined, blockLengthBytes: 512 | 4096 | null): number | null {
  if (text === undefined) return null
  const size = parseSize(text)
  if (size.kind === 'invalid') throw new UsageError(`--size ${text} ${size.reason}`)
  const divisor = blockLengthBytes ?? 512
  if (size.bytes % divisor !== 0) {
    const below = size.bytes - (size.bytes % divisor)
    const advice = below === 0 ? `the least is ${divisor}` : `the next lower one is ${below}`
    throw new UsageError(`--size ${text} is ${size.bytes} bytes, no multiple of the block size ${divisor}: ${advice}`)
  }
  return size.bytes
}

function readBlockLength(text: string | undefined): 512 | 4096 | null {
  if (text === undefined) return null
  if (text === '512') return 512
  if (text === '4096') return 4096
  throw new UsageError(`--block-size ${text} is not possible: allowed are 512 and 4096`)
}

function readLogLevel(text: string): LogLevel {
  const level = LOG_LEVELS.find((name) => name === text)
  if (level === undefined) throw new UsageError(`--log-level ${text} is unknown: allowed are ${LOG_LEVELS.join(', ')}`)
  return level
}

function readTargetName(text: string | undefined): string | null {
  if (text === undefined) return null
  const name = prepareOwnName(text)
  if (typeof name !== 'string') throw new UsageError(`--target-name ${text} is not possible: ${name.problem}`)
  return name
}

function readListen(texts: readonly string[] | undefined): readonly Endpoint[] {
  if (texts === undefined) return [LISTEN_DEFAULT]
  const seen = new Set<string>()
  return texts.map((text) => {
    const parsed = parseListenAddress(text)
    if (parsed.kind === 'invalid') throw new UsageError(`--listen ${text} ${parsed.reason}`)
    const written = formatEndpoint(parsed.endpoint)
    if (parsed.endpoint.port !== 0 && seen.has(written)) throw new UsageError(`--listen ${text} is given twice`)
    seen.add(written)
    return parsed.endpoint
  })
}

/** CHAP_N is a text value (RFC 7143 6.1): no control characters, and at most 255 bytes. */
const CHAP_NAME_LENGTH_BYTES_MAX = 255

function readChap(option: string, user: string | undefined, secretFile: string | undefined): ChapRequest | null {
  if (user === undefined && secretFile === undefined) return null
  if (secretFile === undefined) throw new UsageError(`--${option}-user needs --${option}-secret-file`)
  if (user === undefined) throw new UsageError(`--${option}-secret-file needs --${option}-user`)
  if (secretFile === '') throw new UsageError(`--${option}-secret-file is empty: name a file`)
  if (user === '' || /\p{Cc}/u.test(user) || Buffer.byteLength(user) > CHAP_NAME_LENGTH_BYTES_MAX) {
    throw new UsageError(
      `--${option}-user ${JSON.stringify(user)} is not a CHAP name: 1 to ${CHAP_NAME_LENGTH_BYTES_MAX} bytes without control characters`,
    )
  }
  return { user, secretFile }
}

/** Whoever reaches an open port owns the disks, so beyond this machine that must be said out loud. */
function demandProtection(listen: readonly Endpoint[], isProtected: boolean, mayBeOpen: boolean): void {
  const reachable = listen.find(({ host }) => !isLoopback(host))
  if (reachable === undefined || isProtected || mayBeOpen) return
  throw new UsageError(
    `--listen ${formatEndpoint(reachable)} would let everybody who reaches this machine read and change the disks: ` +
      'demand a password with --chap-user and --chap-secret-file, or accept that with --allow-unauthenticated',
  )
}
