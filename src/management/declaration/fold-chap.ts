/** Secrets of a declaration: what is `unchanged` stays as it is, and has to be there. */

import type { ChapUser, ObjectId } from '../configuration.ts'
import { invalidArgument, targetOf } from '../operations/change.ts'
import {
  EVERY_INITIATOR,
  rememberInitiatorSharedSecret,
  removeChapUser,
  removeDiscoveryUser,
  setChapUser,
  setDiscoveryUser,
  setSharedSecret,
} from '../operations/chap.ts'
import { prepareInitiatorName, prepareInitiatorNames } from '../operations/names.ts'
import { secretBytes } from '../secret-text.ts'
import { type Draft, indexed } from './draft.ts'
import { type DeclaredChap, type DeclaredUser, UNCHANGED } from './schema.ts'

export function foldChap(draft: Draft, targetId: ObjectId, declared: DeclaredChap): void {
  const target = targetOf(draft.configuration, targetId)
  const { sharedSecret, users, remembered } = declared
  if (sharedSecret !== undefined) {
    const secret = sharedSecret === null ? null : secretOf('sharedSecret', sharedSecret.secret, target.sharedSecret)
    if (!isSame(secret, target.sharedSecret)) {
      draft.take(setSharedSecret(draft.configuration, targetId, secret, null, draft.rules))
    }
  }
  if (users !== undefined) {
    foldUsers(draft, target.chapUsers, users, {
      set: (user) => draft.take(setChapUser(draft.configuration, targetId, user, draft.rules)),
      remove: (user) => draft.take(removeChapUser(draft.configuration, targetId, user)),
    })
  }
  if (remembered !== undefined) foldRemembered(draft, targetId, remembered)
}

export function foldDiscoveryUsers(draft: Draft, declared: readonly DeclaredUser[]): void {
  foldUsers(draft, draft.configuration.subSystem.discoveryUsers, declared, {
    set: (user) => draft.take(setDiscoveryUser(draft.configuration, user, draft.rules)),
    remove: (user) => draft.take(removeDiscoveryUser(draft.configuration, user)),
  })
}

interface UserOperations {
  set(user: ChapUser): void
  remove(user: string): void
}

function foldUsers(
  draft: Draft,
  present: readonly ChapUser[],
  declared: readonly DeclaredUser[],
  operations: UserOperations,
): void {
  const wanted = indexed('the user', declared, ({ user }) => user)
  for (const { user } of present) if (!wanted.has(user)) operations.remove(user)
  for (const { user, initiators = [], secret: text } of declared) {
    const before = present.find((candidate) => candidate.user === user)
    const secret = secretOf(`the user ${user}`, text, before?.secret ?? null)
    const initiatorNames = prepareInitiatorNames(initiators, draft.rules.limits)
    const isThere = isSame(secret, before?.secret ?? null) && String(initiatorNames) === String(before?.initiatorNames)
    if (!isThere) operations.set({ user, secret, initiatorNames })
  }
}

function foldRemembered(draft: Draft, targetId: ObjectId, declared: NonNullable<DeclaredChap['remembered']>): void {
  const { rememberedSecrets } = targetOf(draft.configuration, targetId)
  const keyOf = (initiator: string) => (initiator === EVERY_INITIATOR ? initiator : prepareInitiatorName(initiator))
  const nameOf = (key: string) => (key === EVERY_INITIATOR ? null : key)
  const wanted = indexed('the remembered secret for', declared, ({ initiator }) => keyOf(initiator))
  for (const key of rememberedSecrets.keys()) {
    if (!wanted.has(key)) {
      draft.take(rememberInitiatorSharedSecret(draft.configuration, targetId, nameOf(key), null))
    }
  }
  for (const [key, { user = null, secret: text }] of wanted) {
    const before = rememberedSecrets.get(key)
    const secret = secretOf(`the remembered secret for ${key}`, text, before?.secret ?? null)
    if (isSame(secret, before?.secret ?? null) && user === before?.user) continue
    draft.take(rememberInitiatorSharedSecret(draft.configuration, targetId, nameOf(key), secret, user))
  }
}

function secretOf(what: string, text: string, before: Buffer | null): Buffer {
  if (text !== UNCHANGED) return secretBytes(text)
  if (before !== null) return before
  throw invalidArgument(`${what} is "${UNCHANGED}", but there is none yet: name a file with it`)
}

const isSame = (a: Buffer | null, b: Buffer | null) => (a === null || b === null ? a === b : a.equals(b))
