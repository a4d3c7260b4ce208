/**
 * Names that administrators give: friendly names, which are cut to what TargetAlias can carry, and iSCSI names, which are
 * normalised (RFC 3722) so that they are equal exactly when their bytes are.
 */

import { prepareName, prepareOwnName } from '../../../protocol/names.ts'
import type { SuccessName } from '../hresult.ts'
import type { ManagementLimits } from '../management-limits.ts'
import { invalidArgument } from './change.ts'

export interface FriendlyName {
  readonly friendlyName: string
  /** VDS_S_NAME_TRUNCATED when it was too long. */
  readonly hresult: SuccessName
}

/** Cut at the last character that fits. Errors: E_INVALIDARG for control characters, which no list could show. */
export function prepareFriendlyName(given: string, { friendlyNameBytesMax }: ManagementLimits): FriendlyName {
  if (/\p{Cc}|\p{Cs}/u.test(given)) throw invalidArgument('a friendly name must not have control characters in it')
  const bytes = Buffer.from(given)
  if (bytes.length <= friendlyNameBytesMax) return { friendlyName: given, hresult: 'S_OK' }
  let end = friendlyNameBytesMax
  // A byte 10xxxxxx continues a character of UTF-8.
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--
  return { friendlyName: bytes.toString('utf8', 0, end), hresult: 'VDS_S_NAME_TRUNCATED' }
}

/** The normal form of a name for a target of ours. Errors: E_INVALIDARG with what is wrong and what is allowed. */
export function prepareTargetName(given: string): string {
  const name = prepareOwnName(given)
  if (typeof name !== 'string') throw invalidArgument(`the target name ${JSON.stringify(given)}: ${name.problem}`)
  return name
}

const NAME_TYPE = /^(?:iqn|eui|naa)\./

/**
 * The normal form of an initiator's name: prepared as those are that come over the wire, so that names which other sides
 * allow themselves can be given access too. Errors: E_INVALIDARG with what is wrong and what is allowed.
 */
export function prepareInitiatorName(given: string): string {
  const name = prepareName(given.trim())
  if (typeof name !== 'string') throw invalidArgument(`the initiator name ${JSON.stringify(given)}: ${name.problem}`)
  if (!NAME_TYPE.test(name)) {
    const everybody = name === '*' ? '; for everybody, say "*" instead of a list' : ''
    throw invalidArgument(
      `the initiator name ${JSON.stringify(given)}: an iSCSI name begins with iqn., eui. or naa.${everybody}`,
    )
  }
  return name
}

/** Normalised, each once, in the order given. */
export function prepareInitiatorNames(
  given: readonly string[],
  { listEntriesMax }: ManagementLimits,
): readonly string[] {
  const names = [...new Set(given.map(prepareInitiatorName))]
  if (names.length > listEntriesMax)
    throw invalidArgument(`a list has at most ${listEntriesMax} names, not ${names.length}`)
  return names
}
