/**
 * What our Fastify instance is: handlers typed by the TypeBox schemas of their routes, a least role at every route, and
 * the caller at every request.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyBaseLogger, FastifyInstance, FastifyTypeProvider, RawServerDefault } from 'fastify'
import type { Static, TSchema } from 'typebox'
import type { Actor, Role } from '../management/configuration-store.ts'

export interface TypeBoxProvider extends FastifyTypeProvider {
  validator: this['schema'] extends TSchema ? Static<this['schema']> : unknown
  serializer: this['schema'] extends TSchema ? Static<this['schema']> : unknown
}

export type Api = FastifyInstance<RawServerDefault, IncomingMessage, ServerResponse, FastifyBaseLogger, TypeBoxProvider>

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The least role that may call the route, or `everybody` without a token. */
    readonly access?: Role | 'everybody'
  }

  interface FastifyRequest {
    /** Null at routes for everybody. */
    caller: Actor | null
  }
}
