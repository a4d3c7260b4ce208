/**
 * From the words of `lunette serve` to what is asked for: every value parsed, every combination checked. What is wrong
 * here shows from the words alone, so each complaint is a `UsageError`; files and network are looked at later.
 */

import { isLoopback } from '../../protocol/ip-addresses.ts'
import { prepareOwnName } from '../../protocol/names.ts'
import type { PortalAddress, Redirection } from '../../protocol/target-directory.ts'
import type { GroupAccess } from '../../scsi/access-states.ts'
import { UsageError } from '../failure.ts'
import type { Limits, PreferredParameters } from '../limits.ts'
import { LOG_LEVELS, type LogLevel } from '../log.ts'
import { findPortClash } from '../portal-groups.ts'
import type { Endpoint, IsnsOptions } from '../server-options.ts'
import { parseSize } from '../size.ts'
import { type ApiRequest, type ApiWords, readApi } from './api-request.ts'
import {
  type ChapRequest,
  type ChapUserRequest,
  type ChapWords,
  readChapUsers,
  readMutualChap,
} from './chap-request.ts'
import { type IsnsWords, readIsns } from './isns-request.ts'
import { formatEndpoint, LISTEN_DEFAULT, parseDestination, parsePortalAddress } from './listen-address.ts'
import { readPortalGroupAccess } from './portal-group-request.ts'
import { readLimits, readParameters } from './settings-request.ts'
import { readTls, type TlsRequest, type TlsWords } from './tls-request.ts'

/** The option values as commander hands them over. */
export interface ServeWords extends ApiWords, ChapWords, IsnsWords, TlsWords {
  readonly size?: string
  readonly listen?: readonly string[]
  readonly portalGroupState?: readonly string[]
  readonly data: string
  readonly targetName?: string
  readonly redirect?: readonly string[]
  readonly redirectPermanently?: boolean
  readonly redirectBeforeAuthentication?: boolean
  readonly parameter?: readonly string[]
  readonly limit?: readonly string[]
  readonly allowShortSecrets?: boolean
  readonly allowUnauthenticated?: boolean
  readonly readOnly?: boolean
  readonly blockSize?: string
  readonly physicalBlockSize?: string
  /** Undefined without --cd and --no-cd. */
  readonly cd?: boolean
  readonly removable?: boolean
  readonly logLevel: string
}

export interface ServeRequest {
  /** Empty for the data directory's own disk. */
  readonly files: readonly string[]
  readonly sizeBytes: number | null
  readonly listen: readonly PortalAddress[]
  readonly tls: TlsRequest | null
  /** The management API; null for none. */
  readonly api: ApiRequest | null
  /** By portal group tag; a group that is not named is active/optimized. */
  readonly portalGroupAccess: ReadonlyMap<number, GroupAccess>
  readonly dataDirectory: string
  readonly targetName: string | null
  readonly redirection: Redirection | null
  readonly isns: IsnsOptions | null
  /** Those who may log in; none without CHAP. */
  readonly chapUsers: readonly ChapUserRequest[]
  readonly mutualChap: ChapRequest | null
  readonly allowShortSecrets: boolean
  readonly limits: Partial<Limits>
  readonly parameters: Partial<PreferredParameters>
  readonly readOnly: boolean
  readonly blockLengthBytes: 512 | 4096 | null
  /** Null for the block size. */
  readonly physicalBlockBytes: number | null
  /** Every file is the image of a CD or DVD, or none is; null to look at each. */
  readonly isCd: boolean | null
  /** The medium of disks can be ejected, as that of a CD always can. */
  readonly isRemovable: boolean
  readonly logLevel: LogLevel
}

/** SAM-5 lets a target have more, but initiators scan only so many by default. */
const LUNS_MAX = 256

/** Errors: `UsageError`, naming the option, its value and what is allowed. */
export function readServeRequest(files: readonly string[], words: ServeWords): ServeRequest {
  const chapUsers = readChapUsers(words)
  const mutualChap = readMutualChap(words)
  if (files.length > LUNS_MAX) throw new UsageError(`${files.length} files are too many: the most is ${LUNS_MAX}`)
  if (files.includes('')) throw new UsageError('a FILE is empty: name a disk file')
  if (words.data === '') throw new UsageError('--data is empty: name a directory')

  const blockLengthBytes = readBlockLength(words.blockSize)
  if (words.cd === true) demandCdFiles(files, words)
  const listen = words.listen === undefined && words.tlsListen !== undefined ? [] : readListen(words.listen)
  const tls = readTls(words, listen)
  const portals = [...listen, ...(tls?.listen ?? [])]
  demandOwnPorts(portals)
  const mayBeOpen = words.allowUnauthenticated ?? false
  demandProtection('--listen', listen, chapUsers.length > 0, mayBeOpen)
  demandProtection('--tls-listen', tls?.listen ?? [], chapUsers.length > 0 || tls?.clientCaFile != null, mayBeOpen)
  return {
    files,
    sizeBytes: readSize(words.size, blockLengthBytes),
    listen,
    tls,
    api: readApi(words),
    portalGroupAccess: readPortalGroupAccess(words.portalGroupState, portals),
    dataDirectory: words.data,
    targetName: readTargetName(words.targetName),
    redirection: readRedirection(words),
    isns: readIsns(words),
    chapUsers,
    mutualChap,
    allowShortSecrets: words.allowShortSecrets ?? false,
    limits: readLimits(words.limit),
    parameters: readParameters(words.parameter),
    readOnly: words.readOnly ?? false,
    blockLengthBytes,
    physicalBlockBytes: readPhysicalBlock(words.physicalBlockSize, blockLengthBytes),
    isCd: words.cd ?? null,
    isRemovable: words.removable ?? false,
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

/** As large as every logical block, and small enough that the exponent of READ CAPACITY (16) can say it. */
const PHYSICAL_BLOCK_BYTES_MAX = 2 ** 20

function readPhysicalBlock(text: string | undefined, blockLengthBytes: 512 | 4096 | null): number | null {
  if (text === undefined) return null
  const least = blockLengthBytes ?? 512
  const bytes = /^[0-9]+$/.test(text) ? Number(text) : 0
  if (bytes >= least && bytes <= PHYSICAL_BLOCK_BYTES_MAX && Number.isInteger(Math.log2(bytes))) return bytes
  const allowed = `powers of two from the block size ${least} to ${PHYSICAL_BLOCK_BYTES_MAX}`
  throw new UsageError(`--physical-block-size ${text} is not possible: allowed are ${allowed}`)
}

function demandCdFiles(files: readonly string[], { size, blockSize }: ServeWords): void {
  if (files.length === 0) throw new UsageError('--cd needs a FILE: name the image of a CD or DVD')
  if (size !== undefined) throw new UsageError('--cd and --size exclude each other: an image of a CD is never made')
  if (blockSize !== undefined) {
    throw new UsageError('--cd and --block-size exclude each other: a CD has blocks of 2048 bytes')
  }
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

function readListen(texts: readonly string[] | undefined): readonly PortalAddress[] {
  if (texts === undefined) return [LISTEN_DEFAULT]
  const seen = new Set<string>()
  return texts.map((text) => {
    const parsed = parsePortalAddress(text)
    if (parsed.kind === 'invalid') throw new UsageError(`--listen ${text} ${parsed.reason}`)
    const written = formatEndpoint(parsed.portal)
    if (parsed.portal.port !== 0 && seen.has(written)) throw new UsageError(`--listen ${text} is given twice`)
    seen.add(written)
    return parsed.portal
  })
}

function demandOwnPorts(portals: readonly PortalAddress[]): void {
  const clash = findPortClash(portals.map(({ portalGroupTag }) => portalGroupTag))
  if (clash === null) return
  throw new UsageError(`the portal group tags ${clash.join(' and ')} cannot be used together`)
}

/** As many as anybody has places to go to, and few enough for one Login Response. */
const REDIRECTIONS_MAX = 16

function readRedirection(words: ServeWords): Redirection | null {
  const { redirect, redirectPermanently: isPermanent = false, redirectBeforeAuthentication = false } = words
  if (redirect === undefined) {
    if (isPermanent) throw new UsageError('--redirect-permanently needs --redirect')
    if (redirectBeforeAuthentication) throw new UsageError('--redirect-before-authentication needs --redirect')
    return null
  }
  if (redirect.length > REDIRECTIONS_MAX) {
    throw new UsageError(`${redirect.length} times --redirect are too many: the most is ${REDIRECTIONS_MAX}`)
  }
  return { addresses: redirect.map(readDestination), isPermanent, isForEverybody: redirectBeforeAuthentication }
}

function readDestination(text: string): Endpoint {
  const parsed = parseDestination(text)
  if (parsed.kind === 'invalid') throw new UsageError(`--redirect ${text} ${parsed.reason}`)
  return parsed.endpoint
}

/** Whoever reaches an open port owns the disks, so beyond this machine that must be said out loud. */
function demandProtection(
  option: '--listen' | '--tls-listen',
  listen: readonly Endpoint[],
  isProtected: boolean,
  mayBeOpen: boolean,
): void {
  const reachable = listen.find(({ host }) => !isLoopback(host))
  if (reachable === undefined || isProtected || mayBeOpen) return
  const certificates = option === '--tls-listen' ? 'certificates with --tls-client-ca, ' : ''
  throw new UsageError(
    `${option} ${formatEndpoint(reachable)} would let everybody who reaches this machine read and change the disks: ` +
      `demand ${certificates}a password with --chap-user and --chap-secret-file, or accept that with --allow-unauthenticated`,
  )
}
