/** /targets: what initiators log in to, its portal groups, and its CHAP secrets, which only administrators set. */

import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { VdsError } from '../../management/hresult.ts'
import { EVERY_INITIATOR } from '../../management/operations/chap.ts'
import { secretBytes } from '../../management/secret-text.ts'
import { taggedTarget } from '../entity-tags.ts'
import { type Exchange, tellSuccess } from '../exchange.ts'
import type { Api } from '../fastify.ts'
import { lunBody, portalGroupBody, targetBody, userBody } from '../representations.ts'
import { IdPath } from '../schemas/common.ts'
import { Job } from '../schemas/job.ts'
import { Lun } from '../schemas/lun.ts'
import * as schemas from '../schemas/target.ts'
import { operation } from './operation.ts'

const targets = operation('Targets')
const chap = operation('CHAP')
const OneTarget = { 200: schemas.Target }
const Nothing = { 204: Type.Null() }

export function targetRoutes(api: Api, exchange: Exchange): void {
  const answer = (request: FastifyRequest, reply: FastifyReply, id: string) =>
    exchange.tag(reply, taggedTarget(id.toLowerCase()), targetBody(exchange.target(request, id)))

  api.get(
    '/targets',
    targets('viewer', 'listTargets', 'All targets', { response: { 200: Type.Array(schemas.Target) } }),
    async (request) => exchange.provider(request).subSystem.queryTargets().map(targetBody),
  )

  api.post(
    '/targets',
    targets('operator', 'createTarget', 'Make a target, by default with a generated name', {
      body: schemas.TargetRequest,
      response: { 201: Job, 202: Job },
    }),
    async (request, reply) => {
      const { iscsiName = null, friendlyName = '' } = request.body
      const job = await exchange.provider(request).subSystem.createTarget(iscsiName, friendlyName)
      return exchange.job(request, reply, job, (id) => `/targets/${id}`)
    },
  )

  api.get(
    '/targets/:id',
    targets('viewer', 'getTarget', 'A target', { params: IdPath, response: OneTarget }),
    async (request, reply) => answer(request, reply, request.params.id),
  )

  api.patch(
    '/targets/:id',
    targets('operator', 'changeTarget', 'Rename a target', {
      params: IdPath,
      body: schemas.TargetChange,
      response: OneTarget,
    }),
    async (request, reply) => {
      const target = exchange.target(request, request.params.id)
      tellSuccess(reply, await target.setFriendlyName(request.body.friendlyName))
      return answer(request, reply, target.id)
    },
  )

  api.delete(
    '/targets/:id',
    targets('operator', 'deleteTarget', 'Delete a target that no LUN is behind; its sessions are asked to log out', {
      params: IdPath,
      response: { 200: Job, 202: Job },
    }),
    async (request, reply) => exchange.job(request, reply, await exchange.target(request, request.params.id).delete()),
  )

  api.get(
    '/targets/:id/luns',
    targets('viewer', 'listTargetLuns', 'LUNs behind a target, by their numbers there', {
      params: IdPath,
      response: { 200: Type.Array(Lun) },
    }),
    async (request) => exchange.target(request, request.params.id).queryAssociatedLuns().map(lunBody),
  )

  api.get(
    '/targets/:id/initiators',
    targets('viewer', 'listConnectedInitiators', 'Names of initiators with a session right now', {
      params: IdPath,
      response: { 200: Type.Array(Type.String()) },
    }),
    async (request) => exchange.target(request, request.params.id).getConnectedInitiators(),
  )

  api.get(
    '/targets/:id/portal-groups',
    targets('viewer', 'listPortalGroups', 'Portal groups of a target', {
      params: IdPath,
      response: { 200: Type.Array(schemas.PortalGroup) },
    }),
    async (request) => exchange.target(request, request.params.id).queryPortalGroups().map(portalGroupBody),
  )

  api.post(
    '/targets/:id/portal-groups',
    targets('operator', 'createPortalGroup', 'Make an empty portal group; at the limit, 200 with the oldest', {
      params: IdPath,
      response: { 200: Job, 201: Job, 202: Job },
    }),
    async (request, reply) => {
      const job = await exchange.target(request, request.params.id).createPortalGroup()
      return exchange.job(request, reply, job, (id) => `/portal-groups/${id}`)
    },
  )
}

export function chapRoutes(api: Api, exchange: Exchange): void {
  api.put(
    '/targets/:id/shared-secret',
    chap('administrator', 'setSharedSecret', 'What initiators without a secret of their own have to prove', {
      params: IdPath,
      body: schemas.SecretRequest,
      response: Nothing,
    }),
    async (request, reply) => {
      const target = exchange.target(request, request.params.id)
      return done(reply, await target.setSharedSecret(secretBytes(request.body.secret)))
    },
  )

  api.delete(
    '/targets/:id/shared-secret',
    chap('administrator', 'clearSharedSecret', 'Demand that secret no longer', { params: IdPath, response: Nothing }),
    async (request, reply) => done(reply, await exchange.target(request, request.params.id).setSharedSecret(null)),
  )

  api.put(
    '/targets/:id/shared-secrets/:initiatorName',
    chap('administrator', 'setInitiatorSecret', 'What one initiator has to prove, under its own name', {
      params: schemas.TargetInitiatorPath,
      body: schemas.SecretRequest,
      response: Nothing,
    }),
    async (request, reply) => {
      const { id, initiatorName } = request.params
      const target = exchange.target(request, id)
      return done(reply, await target.setSharedSecret(secretBytes(request.body.secret), initiatorName))
    },
  )

  api.delete(
    '/targets/:id/shared-secrets/:initiatorName',
    chap('administrator', 'clearInitiatorSecret', 'Forget the secret of one initiator', {
      params: schemas.TargetInitiatorPath,
      response: Nothing,
    }),
    async (request, reply) => {
      const { id, initiatorName } = request.params
      return done(reply, await exchange.target(request, id).setSharedSecret(null, initiatorName))
    },
  )

  api.put(
    '/targets/:id/remembered-secrets/:initiatorName',
    chap('administrator', 'rememberSecret', 'What the target proves to one initiator, or with * to all others', {
      params: schemas.TargetInitiatorPath,
      body: schemas.RememberedSecretRequest,
      response: Nothing,
    }),
    async (request, reply) => {
      const { secret, user = null } = request.body
      const { id, initiatorName } = request.params
      const target = exchange.target(request, id)
      return done(
        reply,
        await target.rememberInitiatorSharedSecret(initiatorOrAll(initiatorName), secretBytes(secret), user),
      )
    },
  )

  api.delete(
    '/targets/:id/remembered-secrets/:initiatorName',
    chap('administrator', 'forgetSecret', 'Prove that secret no longer', {
      params: schemas.TargetInitiatorPath,
      response: Nothing,
    }),
    async (request, reply) => {
      const { id, initiatorName } = request.params
      const target = exchange.target(request, id)
      return done(reply, await target.rememberInitiatorSharedSecret(initiatorOrAll(initiatorName), null))
    },
  )

  api.get(
    '/targets/:id/chap-users/:user',
    chap('viewer', 'getChapUser', 'A user that may log in; never its secret', {
      params: schemas.TargetUserPath,
      response: { 200: schemas.User },
    }),
    async (request, reply) => {
      const { id, user } = request.params
      const target = exchange.target(request, id)
      const found = target.queryChapSettings().users.find((candidate) => candidate.user === user)
      if (found === undefined) throw new VdsError('VDS_E_OBJECT_NOT_FOUND', `there is no CHAP user ${user}`)
      return exchange.tag(reply, taggedTarget(target.id), userBody(found))
    },
  )

  api.put(
    '/targets/:id/chap-users/:user',
    chap('administrator', 'setChapUser', 'A user that may log in, from these initiators or from any', {
      params: schemas.TargetUserPath,
      body: schemas.UserRequest,
      response: Nothing,
    }),
    async (request, reply) => {
      const { secret, initiatorNames = [] } = request.body
      const { id, user } = request.params
      return done(reply, await exchange.target(request, id).setChapUser(user, secretBytes(secret), initiatorNames))
    },
  )

  api.delete(
    '/targets/:id/chap-users/:user',
    chap('administrator', 'removeChapUser', 'Let a user log in no longer', {
      params: schemas.TargetUserPath,
      response: Nothing,
    }),
    async (request, reply) => {
      const { id, user } = request.params
      return done(reply, await exchange.target(request, id).removeChapUser(user))
    },
  )
}

const initiatorOrAll = (name: string): string | null => (name === EVERY_INITIATOR ? null : name)

function done(reply: FastifyReply, hresult: Parameters<typeof tellSuccess>[1]): null {
  tellSuccess(reply, hresult)
  reply.code(204)
  return null
}
