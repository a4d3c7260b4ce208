/** /portals and /portal-groups: where the server listens, and which of that belongs to a target. */

import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { ISCSI_PORT } from '../../../protocol/constants.ts'
import { taggedPortal, taggedPortalGroup } from '../entity-tags.ts'
import { BASE_PATH, type Exchange, tellSuccess } from '../exchange.ts'
import type { Api } from '../fastify.ts'
import { portalBody, portalGroupBody } from '../representations.ts'
import { IdPath } from '../schemas/common.ts'
import { Job } from '../schemas/job.ts'
import * as schemas from '../schemas/portal.ts'
import { PortalGroup, PortalGroupPortalPath } from '../schemas/target.ts'
import { operation } from './operation.ts'

const groups = operation('Portal groups')
const portals = operation('Portals')
const OnePortal = { 200: schemas.Portal }
const OneJob = { 200: Job, 202: Job }

export function portalGroupRoutes(api: Api, exchange: Exchange): void {
  api.get(
    '/portal-groups/:id',
    groups('viewer', 'getPortalGroup', 'A portal group', { params: IdPath, response: { 200: PortalGroup } }),
    async (request, reply) => {
      const group = exchange.portalGroup(request, request.params.id)
      return exchange.tag(reply, taggedPortalGroup(group.id), portalGroupBody(group))
    },
  )

  api.delete(
    '/portal-groups/:id',
    groups('operator', 'deletePortalGroup', 'Delete an empty portal group', { params: IdPath, response: OneJob }),
    async (request, reply) =>
      exchange.job(request, reply, await exchange.portalGroup(request, request.params.id).delete()),
  )

  api.put(
    '/portal-groups/:id/portals/:portalId',
    groups('operator', 'addPortal', 'Let a target be reached through a portal', {
      params: PortalGroupPortalPath,
      response: OneJob,
    }),
    async (request, reply) => {
      const { id, portalId } = request.params
      return exchange.job(request, reply, await exchange.portalGroup(request, id).addPortal(portalId.toLowerCase()))
    },
  )

  api.delete(
    '/portal-groups/:id/portals/:portalId',
    groups('operator', 'removePortal', 'Let it no longer be reached there', {
      params: PortalGroupPortalPath,
      response: OneJob,
    }),
    async (request, reply) => {
      const { id, portalId } = request.params
      return exchange.job(request, reply, await exchange.portalGroup(request, id).removePortal(portalId.toLowerCase()))
    },
  )
}

export function portalRoutes(api: Api, exchange: Exchange): void {
  const answer = (request: FastifyRequest, reply: FastifyReply, id: string) =>
    exchange.tag(reply, taggedPortal(id.toLowerCase()), portalBody(exchange.portal(request, id)))

  api.get(
    '/portals',
    portals('viewer', 'listPortals', 'All portals', { response: { 200: Type.Array(schemas.Portal) } }),
    async (request) => exchange.provider(request).subSystem.queryPortals().map(portalBody),
  )

  api.post(
    '/portals',
    portals('administrator', 'createPortal', 'Listen at one more address', {
      body: schemas.PortalRequest,
      response: { 201: schemas.Portal },
    }),
    async (request, reply) => {
      const { host, port = ISCSI_PORT, hasTls = false } = request.body
      const { id } = await exchange.provider(request).subSystem.createPortal({ host, port, hasTls })
      reply.code(201).header('location', `${BASE_PATH}/portals/${id}`)
      return answer(request, reply, id)
    },
  )

  api.get(
    '/portals/:id',
    portals('viewer', 'getPortal', 'A portal', { params: IdPath, response: OnePortal }),
    async (request, reply) => answer(request, reply, request.params.id),
  )

  api.patch(
    '/portals/:id',
    portals('operator', 'changePortal', 'Begin or stop to listen; who is connected is asked to log out first', {
      params: IdPath,
      body: schemas.PortalChange,
      response: OnePortal,
    }),
    async (request, reply) => {
      const portal = exchange.portal(request, request.params.id)
      tellSuccess(reply, await portal.setStatus(request.body.status))
      return answer(request, reply, portal.id)
    },
  )

  api.delete(
    '/portals/:id',
    portals('administrator', 'deletePortal', 'Listen there no more', {
      params: IdPath,
      response: { 204: Type.Null() },
    }),
    async (request, reply) => {
      await exchange.portal(request, request.params.id).delete()
      reply.code(204)
      return null
    },
  )
}
