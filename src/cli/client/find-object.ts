/**
 * Objects by what people call them: the id, the beginning of an id if only one object's begins so, or a name. The server
 * is asked for all objects of the kind, so that what is ambiguous is said instead of guessed.
 */

import { EXIT_CODE } from '../../failure.ts'
import { suggestion } from '../../suggestion.ts'
import { formatEndpoint } from '../listen-address.ts'
import { type ApiClient, ApiFailure } from './api-client.ts'
import type { Lun, Portal, PortalGroup, Session, Target } from './resources.ts'

interface Kind<T> {
  /** What it is called in sentences. */
  readonly noun: string
  readonly list: (api: ApiClient) => Promise<readonly T[]>
  /** Names in the order of their precedence, compared without regard to case. */
  readonly namesOf: (object: T) => readonly string[]
}

export interface NamedPortalGroup extends PortalGroup {
  readonly target: Target
}

export const LUNS: Kind<Lun> = {
  noun: 'LUN',
  list: (api) => api.get('/luns'),
  namesOf: ({ friendlyName, serialNumber }) => [friendlyName, serialNumber],
}

export const TARGETS: Kind<Target> = {
  noun: 'target',
  list: (api) => api.get('/targets'),
  namesOf: ({ iscsiName, friendlyName }) => [iscsiName, friendlyName],
}

export const PORTALS: Kind<Portal> = {
  noun: 'portal',
  list: (api) => api.get('/portals'),
  namesOf: (portal) => [formatEndpoint(portal)],
}

export const PORTAL_GROUPS: Kind<NamedPortalGroup> = {
  noun: 'portal group',
  list: async (api) =>
    (await TARGETS.list(api)).flatMap((target) => target.portalGroups.map((group) => ({ ...group, target }))),
  namesOf: ({ target, tag }) => [`${target.iscsiName},${tag}`, `${target.friendlyName},${tag}`],
}

export const SESSIONS: Kind<Session> = {
  noun: 'session',
  list: (api) => api.get('/sessions'),
  namesOf: ({ initiatorName }) => [initiatorName],
}

/** Errors: `ApiFailure` when no object is called so, or more than one. */
export async function findObject<T extends { readonly id: string }>(
  api: ApiClient,
  kind: Kind<T>,
  word: string,
): Promise<T> {
  return chooseObject(await kind.list(api), kind, word)
}

/** The same among objects that are at hand. */
export function chooseObject<T extends { readonly id: string }>(objects: readonly T[], kind: Kind<T>, word: string): T {
  const wanted = word.toLowerCase().replace(/^\{(.*)\}$/, '$1')
  const byName = (object: T) => kind.namesOf(object).some((name) => name !== '' && name.toLowerCase() === wanted)
  const ways = [
    objects.filter(({ id }) => id.toLowerCase() === wanted),
    objects.filter(byName),
    objects.filter(({ id }) => wanted !== '' && id.toLowerCase().startsWith(wanted)),
  ]
  const found = ways.find((matches) => matches.length > 0) ?? []
  if (found.length === 1) return found[0]!
  if (found.length === 0) {
    const names = objects.flatMap(kind.namesOf).filter((name) => name !== '')
    throw new ApiFailure(`there is no ${kind.noun} ${word}${suggestion(word, names)}`, EXIT_CODE.notFound)
  }
  const candidates = found.map((object) => `${object.id} ${kind.namesOf(object)[0]}`.trim()).join(', ')
  throw new ApiFailure(`${word} is more than one ${kind.noun}: ${candidates}; give an id`, EXIT_CODE.notFound)
}
