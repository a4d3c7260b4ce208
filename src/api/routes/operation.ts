/** How a route is declared: who may call it, its name in the OpenAPI document, and its schemas. */

import type { TSchema } from 'typebox'
import type { Role } from '../../management/configuration-store.ts'

interface Schemas {
  readonly params?: TSchema
  readonly querystring?: TSchema
  readonly body?: TSchema
  readonly response?: Readonly<Record<number, TSchema>>
}

/** Options of Fastify's routes for the resources that `tag` names. */
export const operation =
  (tag: string) =>
  <const S extends Schemas>(access: Role | 'everybody', operationId: string, summary: string, schemas: S) => ({
    config: { access },
    schema: { operationId, summary, tags: [tag], ...schemas },
  })
