/**
 * The words of the CHAP options: who may log in with which secret file, and as which initiator. The files are read later
 * (`chap-secret.ts`).
 */

import { prepareName } from '../../protocol/names.ts'
import { UsageError } from '../failure.ts'

/** The option values as commander hands them over; the nth secret file belongs to the nth user. */
export interface ChapWords {
  readonly chapUser?: readonly string[]
  readonly chapSecretFile?: readonly string[]
  readonly chapInitiator?: readonly string[]
  readonly mutualChapUser?: string
  readonly mutualChapSecretFile?: string
}

/** One side's CHAP name, and where its secret is. */
export interface ChapRequest {
  readonly user: string
  readonly secretFile: string
}

/** A user that initiators log in with. */
export interface ChapUserRequest extends ChapRequest {
  /** The InitiatorNames that may use it; null for any. */
  readonly initiatorNames: readonly string[] | null
}

/** CHAP_N is a text value (RFC 7143 6.1): no control characters, and at most 255 bytes. */
const CHAP_NAME_LENGTH_BYTES_MAX = 255

/** The users that may log in; none when CHAP is not demanded. Errors: `UsageError`. */
export function readChapUsers({
  chapUser = [],
  chapSecretFile = [],
  chapInitiator = [],
}: ChapWords): ChapUserRequest[] {
  if (chapSecretFile.length < chapUser.length) throw missing('chap-user', 'chap-secret-file', chapUser.length)
  if (chapSecretFile.length > chapUser.length) throw missing('chap-secret-file', 'chap-user', chapSecretFile.length)
  const names = readInitiators(chapInitiator, chapUser)
  return chapUser.map((user, index) => {
    if (chapUser.indexOf(user) !== index) throw new UsageError(`--chap-user ${user} is given twice`)
    const initiatorNames = names.get(user) ?? null
    return { ...checked('chap', user, chapSecretFile[index]!), initiatorNames }
  })
}

/** The name and secret that we prove ourselves with; null when we do not. Errors: `UsageError`. */
export function readMutualChap({ mutualChapUser: user, mutualChapSecretFile: file, chapUser }: ChapWords) {
  if (user === undefined && file === undefined) return null
  if (file === undefined) throw missing('mutual-chap-user', 'mutual-chap-secret-file', 1)
  if (user === undefined) throw missing('mutual-chap-secret-file', 'mutual-chap-user', 1)
  if (chapUser === undefined) {
    throw new UsageError(
      '--mutual-chap-user needs --chap-user: the target proves itself only to those who prove themselves',
    )
  }
  return checked('mutual-chap', user, file)
}

function missing(given: string, needed: string, count: number): UsageError {
  const each = count > 1 ? `: ${count} are given, and each has its own` : ''
  return new UsageError(`--${given} needs --${needed}${each}`)
}

function checked(option: string, user: string, secretFile: string): ChapRequest {
  if (secretFile === '') throw new UsageError(`--${option}-secret-file is empty: name a file`)
  if (user === '' || /\p{Cc}/u.test(user) || Buffer.byteLength(user) > CHAP_NAME_LENGTH_BYTES_MAX) {
    throw new UsageError(
      `--${option}-user ${JSON.stringify(user)} is not a CHAP name: 1 to ${CHAP_NAME_LENGTH_BYTES_MAX} bytes without control characters`,
    )
  }
  return { user, secretFile }
}

/** `USER=NAME`, where an iSCSI name cannot have an equals sign but a user may. */
function readInitiators(texts: readonly string[], users: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const names = new Map<string, string[]>()
  for (const text of texts) {
    const [, user, nameText] = /^(.*)=([^=]*)$/s.exec(text) ?? []
    if (user === undefined || nameText === undefined) {
      throw new UsageError(`--chap-initiator ${text} is not USER=NAME, a CHAP user and an initiator's iSCSI name`)
    }
    if (!users.includes(user)) throw new UsageError(`--chap-initiator ${text}: there is no --chap-user ${user}`)
    const name = prepareName(nameText)
    if (typeof name !== 'string') throw new UsageError(`--chap-initiator ${text}: ${name.problem}`)
    names.set(user, [...(names.get(user) ?? []), name])
  }
  return names
}
