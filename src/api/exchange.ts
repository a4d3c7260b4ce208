/** What the handlers of all resources do with requests and answers: who asks, on what condition, and how a job is told. */

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Async, AsyncOutput } from '../management/async.ts'
import type { Actor } from '../management/configuration-store.ts'
import { type SuccessName, VdsError } from '../management/hresult.ts'
import type { IscsiTarget } from '../management/iscsi-target.ts'
import type { Lun } from '../management/lun.ts'
import type { Management, Precondition } from '../management/management.ts'
import type { Portal } from '../management/portal.ts'
import type { PortalGroup } from '../management/portal-group.ts'
import type { Provider } from '../management/provider.ts'
import { demandRole } from './authentication.ts'
import { EntityTags, type Tagged, taggedLun, taggedPortal, taggedPortalGroup, taggedTarget } from './entity-tags.ts'
import { preferredWaitS } from './prefer.ts'
import { jobBody } from './representations.ts'

/** Below which all resources are. */
export const BASE_PATH = '/api/v1'

export class Exchange {
  readonly management: Management
  readonly #tags = new EntityTags()
  readonly #closing: AbortSignal

  /** `closing` ends waits. */
  constructor(management: Management, closing: AbortSignal) {
    this.management = management
    this.#closing = closing
  }

  /** The object model for whoever asks; with `tagged`, changes through it demand If-Match of that. */
  provider(request: FastifyRequest, tagged?: Tagged): Provider {
    const actor = actorOf(request)
    if (tagged === undefined) return this.management.as(actor)
    return this.management.as(actor, this.precondition(request, tagged))
  }

  /** What If-Match demands of a change that is not made through an object. */
  precondition(request: FastifyRequest, tagged: Tagged): Precondition {
    return this.#tags.precondition(request.headers['if-match'], tagged)
  }

  /** Errors: as of `getObject`, such as VDS_E_OBJECT_NOT_FOUND. So with the others. */
  lun(request: FastifyRequest, id: string): Lun {
    return this.provider(request, taggedLun(id.toLowerCase())).getObject(id, 'lun') as Lun
  }

  target(request: FastifyRequest, id: string): IscsiTarget {
    return this.provider(request, taggedTarget(id.toLowerCase())).getObject(id, 'target') as IscsiTarget
  }

  portalGroup(request: FastifyRequest, id: string): PortalGroup {
    return this.provider(request, taggedPortalGroup(id.toLowerCase())).getObject(id, 'portalGroup') as PortalGroup
  }

  portal(request: FastifyRequest, id: string): Portal {
    return this.provider(request, taggedPortal(id.toLowerCase())).getObject(id, 'portal') as Portal
  }

  /** The answer's ETag, of the configuration that `body` was made from, by default what is in force. Returns `body`. */
  tag<T>(
    reply: FastifyReply,
    tagged: Tagged,
    body: T,
    { configuration }: Pick<Management, 'configuration'> = this.management,
  ): T {
    reply.header('etag', this.#tags.of(configuration, tagged))
    return body
  }

  /**
   * Tell of a job that was begun: when it ends within the time that the caller prefers to wait, with 201 and what it made at
   * `made`, or with 200; otherwise with 202. Errors: `VdsError` when it ended badly.
   */
  async job<T extends AsyncOutput | null>(
    request: FastifyRequest,
    reply: FastifyReply,
    job: Async<T>,
    made: ((id: string) => string) | null = null,
  ): Promise<ReturnType<typeof jobBody>> {
    const waitS = preferredWaitS(request.headers.prefer)
    if (waitS > 0) {
      reply.header('preference-applied', `wait=${waitS}`)
      await waitFor(job, waitS * 1000, this.#closing)
    }
    const { result } = job
    if (result === null) {
      reply.code(202).header('location', `${BASE_PATH}/jobs/${job.id}`)
    } else if (result.message !== null) {
      throw new VdsError(result.hresult, result.message)
    } else if (result.output !== null && made !== null) {
      reply.code(result.hresult === 'VDS_S_ALREADY_EXISTS' ? 200 : 201)
      reply.header('location', `${BASE_PATH}${made(result.output.id)}`)
    }
    return jobBody(job)
  }
}

/** Errors: `HttpProblem` with 401 where nobody had to say who they are. */
export function actorOf({ caller }: FastifyRequest): Actor {
  demandRole(caller, 'viewer')
  return caller
}

/** A success with something to say says it in a header, because the body is the object. */
export function tellSuccess(reply: FastifyReply, hresult: SuccessName): void {
  if (hresult !== 'S_OK') reply.header('lunette-hresult', hresult)
}

async function waitFor<T extends AsyncOutput | null>(
  job: Async<T>,
  timeoutMs: number,
  closing: AbortSignal,
): Promise<void> {
  const end = Promise.withResolvers<void>()
  const timer = setTimeout(end.resolve, timeoutMs)
  const stop = () => end.resolve()
  closing.addEventListener('abort', stop)
  await Promise.race([job.wait(), end.promise])
  closing.removeEventListener('abort', stop)
  clearTimeout(timer)
}
