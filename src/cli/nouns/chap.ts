/**
 * `lunette target chap TARGET ACTION`: the four things that VDS does with secrets of a target (SetSharedSecret and
 * RememberInitiatorSharedSecret, each to set and to clear), and users of their own beside them.
 */

import { UsageError } from '../../failure.ts'
import type { ApiClient } from '../client/api-client.ts'
import { findObject, TARGETS } from '../client/find-object.ts'
import { readSecret, SECRET_FILE_TEXT } from '../client/secret-file.ts'
import type { ApiSession, Verb, Words } from './noun.ts'
import { given, readList, readText } from './words.ts'

const ACTIONS = ['set', 'clear', 'remember', 'forget'] as const
type Action = (typeof ACTIONS)[number]

/** What each action does, and whether it needs a secret. */
const SAID: Readonly<Record<Action, string>> = {
  set: 'demands the secret',
  clear: 'no longer demands that secret',
  remember: 'proves itself with the secret',
  forget: 'no longer proves itself with that secret',
}

export const CHAP_VERB: Verb = {
  usage: 'chap <TARGET> <ACTION>',
  summary: `set or clear what initiators prove, remember or forget what the target proves (ACTION: ${ACTIONS.join(', ')})`,
  options: [
    { flags: '--initiator <NAME>', text: 'of this initiator alone (default: of all of them)', isRepeatable: true },
    { flags: '--user <NAME>', text: 'a user name other than the iSCSI name of who proves itself' },
    { flags: '--secret-file <FILE>', text: SECRET_FILE_TEXT },
  ],
  async run({ api, output, warn }, [word = '', actionWord = ''], words) {
    const action = ACTIONS.find((name) => name === actionWord)
    if (action === undefined) throw new UsageError(`ACTION ${actionWord} is unknown: allowed are ${ACTIONS.join(', ')}`)
    const request = chapRequest(action, words, warn)
    const target = await findObject(api, TARGETS, word)
    await send(api, `/targets/${target.id}${request.path}`, request.body)
    output.done(`target ${target.iscsiName} ${SAID[action]}`)
  },
}

interface ChapCall {
  readonly path: string
  /** Null to take it away. */
  readonly body: Record<string, unknown> | null
}

const send = (api: ApiClient, path: string, body: ChapCall['body']) =>
  body === null ? api.request('DELETE', path) : api.request('PUT', path, { body })

function chapRequest(action: Action, words: Words, warn: ApiSession['warn']): ChapCall {
  const isSetting = action === 'set' || action === 'remember'
  const initiators = readList(words, 'initiator')
  const user = readText(words, 'user')
  const file = readText(words, 'secretFile')
  if (isSetting && file === undefined) throw new UsageError(`chap ${action} needs --secret-file`)
  if (!isSetting && file !== undefined) throw new UsageError(`chap ${action} takes no --secret-file`)
  const secret = file === undefined ? null : readSecret('--secret-file', file, warn)
  if (action === 'remember' || action === 'forget') {
    const path = `/remembered-secrets/${encodeURIComponent(only(initiators) ?? '*')}`
    return { path, body: secret === null ? null : given({ secret, user }) }
  }
  if (user !== undefined) {
    const path = `/chap-users/${encodeURIComponent(user)}`
    return { path, body: secret === null ? null : { secret, initiatorNames: initiators } }
  }
  const initiator = only(initiators)
  const path = initiator === undefined ? '/shared-secret' : `/shared-secrets/${encodeURIComponent(initiator)}`
  return { path, body: secret === null ? null : { secret } }
}

function only(initiators: readonly string[]): string | undefined {
  if (initiators.length > 1) throw new UsageError('--initiator is given twice: allowed with --user for chap set only')
  return initiators[0]
}
