/** /sessions and /login-refusals: who is connected, and who was not let in. */

import { Type } from 'typebox'
import type { SessionInfo } from '../../management/data-plane.ts'
import { VdsError } from '../../management/hresult.ts'
import type { Exchange } from '../exchange.ts'
import type { Api } from '../fastify.ts'
import { refusalBody, sessionBody } from '../representations.ts'
import * as schemas from '../schemas/session.ts'
import { operation } from './operation.ts'

const sessions = operation('Sessions')

export function sessionRoutes(api: Api, exchange: Exchange): void {
  api.get(
    '/sessions',
    sessions('viewer', 'listSessions', 'Sessions right now: all, or those of a target, an initiator or a LUN', {
      querystring: schemas.SessionQuery,
      response: { 200: Type.Array(schemas.Session) },
    }),
    async (request) => {
      const { targetId, initiator, lunId } = request.query
      const isMeant = (session: SessionInfo) =>
        (targetId === undefined || session.targetId === targetId.toLowerCase()) &&
        (initiator === undefined || session.initiatorName === initiator.toLowerCase()) &&
        (lunId === undefined || [...session.luns.values()].includes(lunId.toLowerCase()))
      return exchange.provider(request).dataPlane.sessions().filter(isMeant).map(sessionBody)
    },
  )

  api.get(
    '/sessions/:id',
    sessions('viewer', 'getSession', 'A session', {
      params: schemas.SessionPath,
      response: { 200: schemas.Session },
    }),
    async (request) => {
      const { id } = request.params
      const session = exchange
        .provider(request)
        .dataPlane.sessions()
        .find((each) => each.id === id)
      if (session === undefined) throw new VdsError('VDS_E_ISCSI_SESSION_NOT_FOUND', `there is no session ${id}`)
      return sessionBody(session)
    },
  )

  api.delete(
    '/sessions/:id',
    sessions('operator', 'endSession', 'Ask the initiator to log out, then end its session', {
      params: schemas.SessionPath,
      response: { 204: Type.Null() },
    }),
    async (request, reply) => {
      await exchange.provider(request).endSession(request.params.id)
      reply.code(204)
      return null
    },
  )

  api.get(
    '/login-refusals',
    sessions('viewer', 'listLoginRefusals', 'The last refused logins and why, the oldest first', {
      response: { 200: Type.Array(schemas.LoginRefusal) },
    }),
    async (request) => exchange.provider(request).dataPlane.loginRefusals().map(refusalBody),
  )
}
