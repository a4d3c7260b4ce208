/** /luns: disks and CDs. A file that exists becomes a LUN or a medium by an administrator's word only: it may be any. */

import type { FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import type { Async } from '../../management/async.ts'
import type { UnmaskList } from '../../management/configuration.ts'
import type { Lun as LunObject } from '../../management/lun.ts'
import { demandRole } from '../authentication.ts'
import { taggedLun } from '../entity-tags.ts'
import { type Exchange, tellSuccess } from '../exchange.ts'
import type { Api } from '../fastify.ts'
import { HttpProblem } from '../problems.ts'
import { associationsOf, identificationBody, lunBody } from '../representations.ts'
import { IdPath } from '../schemas/common.ts'
import { Job } from '../schemas/job.ts'
import * as schemas from '../schemas/lun.ts'
import { operation } from './operation.ts'

const luns = operation('LUNs')
const OneLun = { 200: schemas.Lun }

export function lunRoutes(api: Api, exchange: Exchange): void {
  const answer = (request: FastifyRequest, reply: Parameters<Exchange['tag']>[0], id: string) =>
    exchange.tag(reply, taggedLun(id.toLowerCase()), lunBody(exchange.lun(request, id)))

  api.get(
    '/luns',
    luns('viewer', 'listLuns', 'All LUNs', { response: { 200: Type.Array(schemas.Lun) } }),
    async (request) => exchange.provider(request).subSystem.queryLuns().map(lunBody),
  )

  api.post(
    '/luns',
    luns('operator', 'createLun', 'Make a disk of sizeBytes, or import the file at path (administrator)', {
      body: schemas.LunRequest,
      response: { 201: Job, 202: Job },
    }),
    async (request, reply) => {
      const job = await begin(exchange, request, request.body)
      return exchange.job(request, reply, job, (id) => `/luns/${id}`)
    },
  )

  api.get(
    '/luns/:id',
    luns('viewer', 'getLun', 'A LUN', { params: IdPath, response: OneLun }),
    async (request, reply) => answer(request, reply, request.params.id),
  )

  api.patch(
    '/luns/:id',
    luns('operator', 'changeLun', 'Rename a LUN, or take it online or offline', {
      params: IdPath,
      body: schemas.LunChange,
      response: OneLun,
    }),
    async (request, reply) => {
      const { friendlyName, status } = request.body
      const lun = exchange.lun(request, request.params.id)
      if (friendlyName !== undefined) tellSuccess(reply, await lun.setFriendlyName(friendlyName))
      if (status !== undefined) tellSuccess(reply, await lun.setStatus(status))
      return answer(request, reply, lun.id)
    },
  )

  api.delete(
    '/luns/:id',
    luns('operator', 'deleteLun', 'Delete a LUN and its data; with keepStorage not its file', {
      params: IdPath,
      querystring: schemas.DeleteLunQuery,
      response: { 204: Type.Null() },
    }),
    async (request, reply) => {
      await exchange.lun(request, request.params.id).delete(request.query)
      reply.code(204)
      return null
    },
  )

  api.post(
    '/luns/:id/extend',
    luns('operator', 'extendLun', 'Grow a LUN while it is in use', {
      params: IdPath,
      body: schemas.ExtendRequest,
      response: { 200: Job, 202: Job },
    }),
    async (request, reply) => {
      const lun = exchange.lun(request, request.params.id)
      return exchange.job(request, reply, await lun.extend(request.body.bytes))
    },
  )

  api.post(
    '/luns/:id/shrink',
    luns('operator', 'shrinkLun', 'Cut a LUN off at its end', {
      params: IdPath,
      body: schemas.ShrinkRequest,
      response: { 200: Job, 202: Job },
    }),
    async (request, reply) => {
      const { bytes, mayDiscardData = false } = request.body
      const lun = exchange.lun(request, request.params.id)
      return exchange.job(request, reply, await lun.shrink(bytes, { mayDiscardData }))
    },
  )

  api.put(
    '/luns/:id/mask',
    luns('operator', 'setLunMask', 'Say who sees a LUN, instead of what was said before', {
      params: IdPath,
      body: schemas.MaskRequest,
      response: OneLun,
    }),
    async (request, reply) => {
      const lun = exchange.lun(request, request.params.id)
      tellSuccess(reply, await lun.setAccess(unmaskOf(request.body)))
      return answer(request, reply, lun.id)
    },
  )

  api.get(
    '/luns/:id/targets',
    luns('viewer', 'listLunTargets', 'The targets that a LUN is behind, with its number there', {
      params: IdPath,
      response: { 200: Type.Array(schemas.Association) },
    }),
    async (request, reply) => {
      const lun = exchange.lun(request, request.params.id)
      return exchange.tag(reply, taggedLun(lun.id), associationsOf(lun))
    },
  )

  api.put(
    '/luns/:id/targets',
    luns('operator', 'setLunTargets', 'The complete new list of targets that a LUN is behind', {
      params: IdPath,
      body: schemas.TargetsRequest,
      response: { 200: Type.Array(schemas.Association) },
    }),
    async (request, reply) => {
      const lun = exchange.lun(request, request.params.id)
      tellSuccess(reply, await lun.associateTargets(request.body.targetIds.map((id) => id.toLowerCase())))
      return exchange.tag(reply, taggedLun(lun.id), associationsOf(lun))
    },
  )

  api.put(
    '/luns/:id/status',
    luns('operator', 'setLunStatus', 'Take a LUN online or offline', {
      params: IdPath,
      body: schemas.StatusRequest,
      response: OneLun,
    }),
    async (request, reply) => {
      const lun = exchange.lun(request, request.params.id)
      tellSuccess(reply, await lun.setStatus(request.body.status))
      return answer(request, reply, lun.id)
    },
  )

  api.get(
    '/luns/:id/identification',
    luns('viewer', 'getLunIdentification', 'What initiators recognise a LUN by', {
      params: IdPath,
      response: { 200: schemas.Identification },
    }),
    async (request) => identificationBody(exchange.lun(request, request.params.id)),
  )

  api.get(
    '/luns/:id/plexes',
    luns('viewer', 'listLunPlexes', 'The one plex that a file is', {
      params: IdPath,
      response: { 200: Type.Array(schemas.Plex) },
    }),
    async (request) => exchange.lun(request, request.params.id).queryPlexes(),
  )

  api.post(
    '/luns/:id/eject',
    luns('operator', 'ejectLun', 'Eject the medium of a removable LUN', {
      params: IdPath,
      body: schemas.EjectRequest,
      response: OneLun,
    }),
    async (request, reply) => {
      const lun = exchange.lun(request, request.params.id)
      tellSuccess(reply, await lun.ejectMedium({ isForced: request.body.force ?? false }))
      return answer(request, reply, lun.id)
    },
  )

  api.post(
    '/luns/:id/insert',
    luns(
      'operator',
      'insertLun',
      'Put a medium into a removable LUN: the last one, or the file at path (administrator)',
      {
        params: IdPath,
        body: schemas.InsertRequest,
        response: OneLun,
      },
    ),
    async (request, reply) => {
      const { path = null } = request.body
      if (path !== null) demandRole(request.caller, 'administrator')
      const lun = exchange.lun(request, request.params.id)
      tellSuccess(reply, await lun.insertMedium(path))
      return answer(request, reply, lun.id)
    },
  )
}

type LunRequest = Static<typeof schemas.LunRequest>

async function begin(exchange: Exchange, request: FastifyRequest, body: LunRequest): Promise<Async<LunObject>> {
  const { sizeBytes, path, mask, ...common } = body
  const wanted = mask === undefined ? common : { ...common, unmask: unmaskOf(mask) }
  const { subSystem } = exchange.provider(request)
  if (path !== undefined && sizeBytes === undefined) {
    demandRole(request.caller, 'administrator')
    return subSystem.importLun({ ...wanted, path })
  }
  if (sizeBytes !== undefined && path === undefined) return subSystem.createLun({ ...wanted, sizeBytes })
  const allowed = 'sizeBytes for a new disk, or path for a file that exists'
  throw new HttpProblem(400, `body needs one of two: allowed is ${allowed}`, {
    fields: [{ field: 'body', problem: 'needs one of two', allowed }],
  })
}

function unmaskOf({
  initiators,
  networks = [],
  readOnlyInitiators = [],
}: Static<typeof schemas.MaskRequest>): UnmaskList {
  return { initiators, networks, readOnlyInitiators }
}
