/** /tokens, /audit-log and /backup: what is the administrators' alone. */

import { mkdtemp, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { finished } from 'node:stream'
import { Type } from 'typebox'
import { VdsError } from '../../management/hresult.ts'
import { actorOf, BASE_PATH, type Exchange } from '../exchange.ts'
import type { Api } from '../fastify.ts'
import { HttpProblem } from '../problems.ts'
import { auditBody, tokenBody } from '../representations.ts'
import { IdPath } from '../schemas/common.ts'
import * as schemas from '../schemas/server.ts'
import { TokenError, type Tokens } from '../tokens.ts'
import { operation } from './operation.ts'

const administration = operation('Administration')
const AUDIT_RECORDS_DEFAULT = 100

export function tokenRoutes(api: Api, exchange: Exchange, tokens: Tokens): void {
  const { management } = exchange

  api.get(
    '/tokens',
    administration('administrator', 'listTokens', 'Who may use this API; never the tokens themselves', {
      response: { 200: Type.Array(schemas.Token) },
    }),
    async () => tokens.list().map(tokenBody),
  )

  api.post(
    '/tokens',
    administration('administrator', 'createToken', 'Make a token, which is told this once', {
      body: schemas.TokenRequest,
      response: { 201: schemas.NewToken },
    }),
    async (request, reply) => {
      const { name, role } = request.body
      const call = { actor: actorOf(request), method: 'Tokens.create', arguments: { name, role } }
      return management.audited(call, async () => {
        const { token, text } = create(tokens, name, role)
        management.recordAudit(call, 'S_OK')
        reply.code(201).header('location', `${BASE_PATH}/tokens/${token.id}`)
        return { ...tokenBody(token), token: text }
      })
    },
  )

  api.delete(
    '/tokens/:id',
    administration('administrator', 'deleteToken', 'Let a token in no longer', {
      params: IdPath,
      response: { 204: Type.Null() },
    }),
    async (request, reply) => {
      const { id } = request.params
      const call = { actor: actorOf(request), method: 'Tokens.delete', objectId: id }
      await management.audited(call, async () => {
        if (!tokens.remove(id.toLowerCase())) throw new VdsError('VDS_E_OBJECT_NOT_FOUND', `there is no token ${id}`)
        management.recordAudit(call, 'S_OK')
      })
      reply.code(204)
      return null
    },
  )
}

function create(tokens: Tokens, name: string, role: Parameters<Tokens['create']>[1]) {
  try {
    return tokens.create(name, role)
  } catch (error) {
    throw error instanceof TokenError ? new HttpProblem(409, error.message) : error
  }
}

/** `scratchDirectory` is where a copy of the store may lie while it is sent: only its owner may look in. */
export function recordRoutes(api: Api, exchange: Exchange, scratchDirectory: string): void {
  api.get(
    '/audit-log',
    administration('administrator', 'listAuditLog', 'Who did what with which result, the newest first', {
      querystring: schemas.AuditQuery,
      response: { 200: Type.Array(schemas.AuditRecord) },
    }),
    async (request) => {
      const { limit = AUDIT_RECORDS_DEFAULT, before } = request.query
      return exchange
        .provider(request)
        .auditLog(before === undefined ? { limit } : { limit, before })
        .map(auditBody)
    },
  )

  api.post(
    '/backup',
    administration(
      'administrator',
      'backup',
      'A consistent copy of the store (SQLite); the key of its secrets is not in it',
      {},
    ),
    async (request, reply) => {
      const directory = await mkdtemp(join(scratchDirectory, '.backup-'))
      const remove = () => rm(directory, { recursive: true, force: true })
      try {
        const path = join(directory, 'backup.db')
        await exchange.provider(request).backup(path)
        const copy = (await open(path)).createReadStream()
        // Where files can be deleted while they are open, nothing is left behind even if we are killed while we send it.
        if (process.platform !== 'win32') await remove()
        finished(copy, () => void remove())
        reply.type('application/vnd.sqlite3').header('content-disposition', 'attachment; filename="lunette-backup.db"')
        return reply.send(copy)
      } catch (error) {
        await remove()
        throw error
      }
    },
  )
}
