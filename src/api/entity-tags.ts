/**
 * Entity tags (RFC 9110 8.8.3) of what can be changed: a tag stands for all that is configured of an object, secrets too,
 * but not for counters and the like, which change by themselves. Tags are keyed with a number of this process, so that they
 * tell nothing about secrets; after a restart nobody's tag fits any more, and callers look again.
 */

import { createHmac, randomBytes } from 'node:crypto'
import type { Configuration, ObjectId } from '../management/configuration.ts'
import type { Precondition } from '../management/management.ts'
import { findPortalGroup } from '../management/operations/change.ts'
import { HttpProblem } from './problems.ts'

/** What of a configuration a tag stands for; null when there is no such object. */
export type Tagged = (configuration: Configuration) => unknown

export const taggedLun = (id: ObjectId): Tagged => {
  return ({ luns, targets }) => {
    const lun = luns.get(id)
    if (lun === undefined) return null
    return [
      lun,
      [...targets.values()].flatMap((target) => (target.luns.has(id) ? [[target.id, target.luns.get(id)]] : [])),
    ]
  }
}
export const taggedTarget = (id: ObjectId): Tagged => {
  return ({ targets }) => targets.get(id) ?? null
}
export const taggedPortalGroup = (id: ObjectId): Tagged => {
  return (configuration) => findPortalGroup(configuration, id)?.group ?? null
}
export const taggedPortal = (id: ObjectId): Tagged => {
  return ({ portals }) => portals.get(id) ?? null
}
export const taggedSubSystem: Tagged = ({ subSystem }) => subSystem
export const taggedImportTarget = (host: string): Tagged => {
  return ({ importTargets }) => importTargets.get(host.toLowerCase()) ?? null
}
/** The whole, for those who replace all of it. */
export const taggedConfiguration: Tagged = ({ generation }) => generation

export class EntityTags {
  readonly #key = randomBytes(32)

  of(configuration: Configuration, tagged: Tagged): string {
    const text = JSON.stringify(tagged(configuration), (_name, value) => (value instanceof Map ? [...value] : value))
    return `"${createHmac('sha256', this.#key).update(text).digest('base64url').slice(0, 22)}"`
  }

  /**
   * What If-Match (RFC 9110 13.1.1) demands of the first change that a request makes: what follows builds on it.
   * Errors: `HttpProblem` with 400 at once for a header that is none, and when asked with 412.
   */
  precondition(header: string | undefined, tagged: Tagged): Precondition {
    if (header === undefined || header.trim() === '*') return () => {}
    if (!/^\s*(?:W\/)?"[^"]*"\s*(?:,\s*(?:W\/)?"[^"]*"\s*)*$/.test(header)) {
      throw new HttpProblem(400, 'If-Match is not valid: allowed are * and entity tags in quotes, as ETag has them')
    }
    const tags = header.split(',').map((tag) => tag.trim())
    let isMet = false
    return (configuration) => {
      if (!isMet && !tags.includes(this.of(configuration, tagged))) {
        throw new HttpProblem(412, 'it has been changed since: look again, then decide')
      }
      isMet = true
    }
  }
}
