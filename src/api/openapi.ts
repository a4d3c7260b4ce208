/**
 * The OpenAPI 3.1 document at /openapi.json, made from the schemas that check requests and answers. What holds for every
 * route stands here once: the token, the problem documents, and the least role in `x-access`.
 */

import swagger from '@fastify/swagger'
import type { FastifySchema, RouteOptions } from 'fastify'
import type { Api } from './fastify.ts'
import { PROBLEM_MEDIA_TYPE } from './problems.ts'
import { Problem } from './schemas/problem.ts'

const BEARER = 'token'

export async function registerOpenApi(api: Api, version: string): Promise<void> {
  await api.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Lunette',
        version,
        description: 'Manages the disks, targets, portals and sessions of an iSCSI target server.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      components: {
        securitySchemes: { [BEARER]: { type: 'http', scheme: 'bearer', description: 'A token: lun_...' } },
      },
    },
    transform: ({ schema, url, route }) => ({ schema: documented(schema, route), url }),
  })
  api.get(
    '/openapi.json',
    {
      config: { access: 'viewer' },
      schema: { operationId: 'getOpenApi', summary: 'This document', tags: ['Server'] },
    },
    async () => api.swagger(),
  )
}

function documented(schema: FastifySchema | undefined, { config }: RouteOptions): FastifySchema {
  const access = config?.access
  const refusal = { description: 'Refused', content: { [PROBLEM_MEDIA_TYPE]: { schema: Problem } } }
  return {
    ...schema,
    security: access === 'everybody' ? [] : [{ [BEARER]: [] }],
    'x-access': access,
    response: { ...(schema?.response as object | undefined), '4XX': refusal, '5XX': refusal },
  } as FastifySchema
}
