/**
 * From the CHAP options to what initiators must prove: reads the secret files and refuses what RFC 7143 9.2.1 forbids.
 */

import type { Logger } from 'pino'
import type { AuthenticationPolicy, ChapInitiator } from '../../protocol/target-directory.ts'
import { Failure } from '../failure.ts'
import type { ChapRequest, ChapUserRequest } from './chap-request.ts'
import { loadChapSecret } from './chap-secret.ts'

/**
 * The policy for these users. Errors: `Failure` when a file is not a secret, or when the target has the secret of an
 * initiator: whoever knows one direction's secret could then pose as the other side.
 */
export function loadChapPolicy(
  users: readonly ChapUserRequest[],
  mutual: ChapRequest | null,
  mayBeShort: boolean,
  log: Logger,
): AuthenticationPolicy {
  const load = (option: string, { user, secretFile }: ChapRequest) => {
    const { secret, warnings } = loadChapSecret(option, secretFile, mayBeShort)
    for (const warning of warnings) log.warn(warning)
    return { user, secret }
  }
  const initiators: ChapInitiator[] = users.map((request) => {
    const { initiatorNames } = request
    const credential = load('--chap-secret-file', request)
    return initiatorNames === null ? credential : { ...credential, initiatorNames }
  })
  warnOfSharedSecrets(initiators, log)
  const target = mutual === null ? null : load('--mutual-chap-secret-file', mutual)
  const shared = target === null ? undefined : initiators.find(({ secret }) => secret.equals(target.secret))
  if (shared !== undefined) {
    throw new Failure(
      `--mutual-chap-secret-file holds the same secret as the --chap-secret-file of ${shared.user}: the two must differ`,
    )
  }
  return { kind: 'chap', initiators, target }
}

/** Users with one secret can pose as each other (RFC 7143 9.2.1). */
function warnOfSharedSecrets(initiators: readonly ChapInitiator[], log: Logger): void {
  for (const [index, { user, secret }] of initiators.entries()) {
    const other = initiators.slice(0, index).find((candidate) => candidate.secret.equals(secret))
    if (other !== undefined) log.warn(`${user} has the same CHAP secret as ${other.user}: give each its own`)
  }
}
