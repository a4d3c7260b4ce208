/** /provider, /subsystem, /import-targets and /discovery-users: the array as a whole. */

import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { VdsError } from '../../management/hresult.ts'
import { secretBytes } from '../../management/secret-text.ts'
import { LUN_TYPE, type LunType } from '../../management/vds-types.ts'
import { taggedImportTarget, taggedSubSystem } from '../entity-tags.ts'
import { type Exchange, tellSuccess } from '../exchange.ts'
import type { Api } from '../fastify.ts'
import { userBody } from '../representations.ts'
import { UserPath } from '../schemas/common.ts'
import * as schemas from '../schemas/server.ts'
import { User, UserRequest } from '../schemas/target.ts'
import { operation } from './operation.ts'

const provider = operation('Provider')
const subSystem = operation('Subsystem')
const importTargets = operation('Import targets')
const discovery = operation('CHAP')
const Nothing = { 204: Type.Null() }

export function subSystemRoutes(api: Api, exchange: Exchange): void {
  api.get(
    '/provider',
    provider('viewer', 'getProvider', 'What manages the array', { response: { 200: schemas.Provider } }),
    async (request) => exchange.provider(request).getProperties(),
  )

  api.post(
    '/provider/reenumerate',
    provider('operator', 'reenumerate', 'Look in the store for the subsystem', { response: Nothing }),
    async (request, reply) => {
      await exchange.provider(request).reenumerate()
      reply.code(204)
      return null
    },
  )

  api.post(
    '/provider/refresh',
    provider('operator', 'refresh', 'Read the configuration from the store again and serve it', { response: Nothing }),
    async (request, reply) => {
      await exchange.provider(request).refresh()
      reply.code(204)
      return null
    },
  )

  const answer = (request: FastifyRequest, reply: FastifyReply) =>
    exchange.tag(reply, taggedSubSystem, exchange.provider(request).subSystem.getProperties())

  api.get(
    '/subsystem',
    subSystem('viewer', 'getSubSystem', 'The array', { response: { 200: schemas.SubSystem } }),
    async (request, reply) => answer(request, reply),
  )

  api.patch(
    '/subsystem',
    subSystem('operator', 'changeSubSystem', 'Rename the array, or take all of it online or offline', {
      body: schemas.SubSystemChange,
      response: { 200: schemas.SubSystem },
    }),
    async (request, reply) => {
      const { friendlyName, status } = request.body
      const array = exchange.provider(request, taggedSubSystem).subSystem
      if (friendlyName !== undefined) tellSuccess(reply, await array.setFriendlyName(friendlyName))
      if (status !== undefined) tellSuccess(reply, await array.setStatus(status))
      return answer(request, reply)
    },
  )

  api.get(
    '/subsystem/max-lun-size',
    subSystem('viewer', 'getMaxLunSize', 'The size of the largest LUN that can be made', {
      querystring: schemas.MaxLunSizeQuery,
      response: { 200: schemas.MaxLunSize },
    }),
    async (request) => {
      const type = lunType(request.query.type ?? 'simple')
      return { sizeBytes: await exchange.provider(request).subSystem.queryMaxLunCreateSize(type) }
    },
  )
}

function lunType(text: string): LunType {
  const type = (Object.keys(LUN_TYPE) as LunType[]).find((name) => name === text)
  if (type !== undefined) return type
  throw new VdsError('E_INVALIDARG', `there is no LUN type ${text}: allowed are ${Object.keys(LUN_TYPE).join(', ')}`)
}

export function importTargetRoutes(api: Api, exchange: Exchange): void {
  api.get(
    '/import-targets',
    importTargets('viewer', 'listImportTargets', 'The import targets of all computers', {
      response: { 200: Type.Array(schemas.ImportTarget) },
    }),
    async (request) =>
      [...exchange.provider(request).subSystem.queryImportTargets()].map(([host, target]) => ({
        host,
        iscsiName: target.getProperties().iscsiName,
      })),
  )

  const answer = (request: FastifyRequest, reply: FastifyReply, host: string) => {
    const iscsiName = exchange.provider(request).subSystem.getImportTarget(host)
    return exchange.tag(reply, taggedImportTarget(host), { host: host.toLowerCase(), iscsiName })
  }

  api.get(
    '/import-targets/:host',
    importTargets('viewer', 'getImportTarget', 'The target that imported snapshots of a computer appear behind', {
      params: schemas.HostPath,
      response: { 200: schemas.ImportTarget },
    }),
    async (request, reply) => answer(request, reply, request.params.host),
  )

  api.put(
    '/import-targets/:host',
    importTargets('operator', 'setImportTarget', 'Choose the import target of a computer', {
      params: schemas.HostPath,
      body: schemas.ImportTargetRequest,
      response: { 200: schemas.ImportTarget },
    }),
    async (request, reply) => {
      const { host } = request.params
      const array = exchange.provider(request, taggedImportTarget(host)).subSystem
      tellSuccess(reply, await array.setImportTarget(request.body.iscsiName, host))
      return answer(request, reply, host)
    },
  )

  api.delete(
    '/import-targets/:host',
    importTargets('operator', 'clearImportTarget', 'Let a computer have no import target', {
      params: schemas.HostPath,
      response: Nothing,
    }),
    async (request, reply) => {
      const { host } = request.params
      tellSuccess(
        reply,
        await exchange.provider(request, taggedImportTarget(host)).subSystem.setImportTarget(null, host),
      )
      reply.code(204)
      return null
    },
  )
}

export function discoveryUserRoutes(api: Api, exchange: Exchange): void {
  api.get(
    '/discovery-users',
    discovery('viewer', 'listDiscoveryUsers', 'Who may ask for targets; nobody listed means everybody may', {
      response: { 200: Type.Array(User) },
    }),
    async (request) => exchange.provider(request).subSystem.queryDiscoveryUsers().map(userBody),
  )

  api.get(
    '/discovery-users/:user',
    discovery('viewer', 'getDiscoveryUser', 'A user that may ask for targets; never its secret', {
      params: UserPath,
      response: { 200: User },
    }),
    async (request, reply) => {
      const { user } = request.params
      const found = exchange
        .provider(request)
        .subSystem.queryDiscoveryUsers()
        .find((each) => each.user === user)
      if (found === undefined) throw new VdsError('VDS_E_OBJECT_NOT_FOUND', `there is no discovery user ${user}`)
      return exchange.tag(reply, taggedSubSystem, userBody(found))
    },
  )

  api.put(
    '/discovery-users/:user',
    discovery(
      'administrator',
      'setDiscoveryUser',
      'A user that may ask for targets; with the first one nobody else may',
      {
        params: UserPath,
        body: UserRequest,
        response: Nothing,
      },
    ),
    async (request, reply) => {
      const { secret, initiatorNames = [] } = request.body
      const array = exchange.provider(request, taggedSubSystem).subSystem
      tellSuccess(reply, await array.setDiscoveryUser(request.params.user, secretBytes(secret), initiatorNames))
      reply.code(204)
      return null
    },
  )

  api.delete(
    '/discovery-users/:user',
    discovery('administrator', 'removeDiscoveryUser', 'Let a user ask no longer', {
      params: UserPath,
      response: Nothing,
    }),
    async (request, reply) => {
      const array = exchange.provider(request, taggedSubSystem).subSystem
      tellSuccess(reply, await array.removeDiscoveryUser(request.params.user))
      reply.code(204)
      return null
    },
  )
}
