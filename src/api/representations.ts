/** Objects of the model as JSON, in the shapes of `schemas/`. */

import type { Static } from 'typebox'
import type { Async, AsyncOutput } from '../management/async.ts'
import type { AuditRecord } from '../management/configuration-store.ts'
import type { LoginRefusal, SessionInfo } from '../management/data-plane.ts'
import { formatHResult, HRESULTS, VdsError } from '../management/hresult.ts'
import { IscsiTarget } from '../management/iscsi-target.ts'
import { Lun } from '../management/lun.ts'
import type { Portal } from '../management/portal.ts'
import { PortalGroup } from '../management/portal-group.ts'
import type * as jobs from './schemas/job.ts'
import type * as luns from './schemas/lun.ts'
import type * as portals from './schemas/portal.ts'
import type * as server from './schemas/server.ts'
import type * as sessions from './schemas/session.ts'
import type * as targets from './schemas/target.ts'
import type { ApiToken } from './tokens.ts'

/** A list that a schema describes, which has no word for what may not be changed. */
const list = <T>(items: readonly T[]): T[] => [...items]
const everyoneOr = (names: '*' | readonly string[]) => (names === '*' ? names : list(names))

export function lunBody(lun: Lun): Static<typeof luns.Lun> {
  const { identification: serialNumber, unmask, ...properties } = lun.getProperties()
  const { initiators, networks, readOnlyInitiators } = unmask
  return {
    ...properties,
    serialNumber,
    mask: {
      initiators: everyoneOr(initiators),
      networks: list(networks),
      readOnlyInitiators: everyoneOr(readOnlyInitiators),
    },
    targets: associationsOf(lun),
  }
}

export function associationsOf(lun: Lun): Static<typeof luns.Association>[] {
  return lun.queryAssociatedTargets().map((target) => ({ targetId: target.id, lun: target.numberOf(lun.id)! }))
}

export function identificationBody(lun: Lun): Static<typeof luns.Identification> {
  const { deviceIdentifiers, ...information } = lun.getIdentificationData()
  return {
    ...information,
    deviceIdentifiers: deviceIdentifiers.map(({ identifier, ...kind }) => ({
      ...kind,
      identifier: identifier.toString('hex'),
    })),
  }
}

export function targetBody(target: IscsiTarget): Static<typeof targets.Target> {
  const { users, remembered, sharedSecretInitiators, hasSharedSecret } = target.queryChapSettings()
  return {
    ...target.getProperties(),
    chap: {
      hasSharedSecret,
      sharedSecretInitiators: list(sharedSecretInitiators),
      users: users.map(userBody),
      remembered: list(remembered),
    },
    portalGroups: target.queryPortalGroups().map(portalGroupBody),
  }
}

export function userBody({
  user,
  initiatorNames,
}: {
  readonly user: string
  readonly initiatorNames: readonly string[]
}): Static<typeof targets.User> {
  return { user, initiatorNames: list(initiatorNames) }
}

export function portalGroupBody(group: PortalGroup): Static<typeof targets.PortalGroup> {
  const portalIds = group.queryAssociatedPortals().map(({ id }) => id)
  return { ...group.getProperties(), targetId: group.getTarget().id, portalIds }
}

export function portalBody(portal: Portal): Static<typeof portals.Portal> {
  const { address, ...properties } = portal.getProperties()
  return { ...properties, ...address, portalGroupIds: portal.queryAssociatedPortalGroups().map(({ id }) => id) }
}

export function jobBody<T extends AsyncOutput | null>(job: Async<T>): Static<typeof jobs.Job> {
  const { id, origin, endedAt, isSignalled: isDone, result } = job
  const { percent, hresult: name } = job.queryStatus()
  const { method, outputType, objectId, actor, beganAt } = origin
  return {
    id,
    method,
    outputType,
    objectId,
    actor: actor.name,
    beganAt: beganAt.toISOString(),
    endedAt: endedAt?.toISOString() ?? null,
    isDone,
    percent,
    hresult: formatHResult(HRESULTS[name]),
    name,
    message: result?.message ?? null,
    output: outputBody(result?.output ?? null),
  }
}

/** Null also for what was made and is gone again. */
function outputBody(output: AsyncOutput | null): Static<typeof jobs.Job>['output'] {
  try {
    if (output instanceof Lun) return lunBody(output)
    if (output instanceof IscsiTarget) return targetBody(output)
    return output instanceof PortalGroup ? portalGroupBody(output) : null
  } catch (error) {
    if (error instanceof VdsError) return null
    throw error
  }
}

export function sessionBody(session: SessionInfo): Static<typeof sessions.Session> {
  const { luns: visible, beganAt, connections, parameters } = session
  return {
    ...session,
    beganAt: beganAt.toISOString(),
    connections: list(connections),
    parameters: { ...parameters },
    luns: [...visible].map(([lun, lunId]) => ({ lun, lunId })),
  }
}

export function refusalBody({ at, ...refusal }: LoginRefusal): Static<typeof sessions.LoginRefusal> {
  return { ...refusal, at: at.toISOString() }
}

export function tokenBody({ id, name, role, createdAt, lastUsedAt }: ApiToken): Static<typeof server.Token> {
  return { id, name, role, createdAt: createdAt.toISOString(), lastUsedAt: lastUsedAt?.toISOString() ?? null }
}

export function auditBody(record: AuditRecord): Static<typeof server.AuditRecord> {
  const { sequence: id, at, actor, method, objectId, hresult: result, message } = record
  return {
    id,
    at: at.toISOString(),
    actor: actor.name,
    role: actor.role,
    method,
    objectId,
    arguments: { ...record.arguments },
    hresult: formatHResult(HRESULTS[result]),
    result,
    message,
  }
}
