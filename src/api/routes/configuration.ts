/**
 * /configuration: the array as one declaration, what applying one would change, and the apply. A declaration can set secrets,
 * open portals and import files, which only administrators may; and so only they may ask for a plan, which compares secrets.
 */

import { applyDeclaration, planDeclaration } from '../../management/declaration/apply.ts'
import { exportDeclaration } from '../../management/declaration/export.ts'
import type { DeclarationOptions } from '../../management/declaration/fold.ts'
import type { PlannedChange } from '../../management/declaration/plan.ts'
import { taggedConfiguration } from '../entity-tags.ts'
import { actorOf, type Exchange } from '../exchange.ts'
import type { Api } from '../fastify.ts'
import * as schemas from '../schemas/configuration.ts'
import { operation } from './operation.ts'

const configuration = operation('Configuration')

/** Thousands of LUNs, each with its initiators. */
const BODY_BYTES_MAX = 16 * 1024 ** 2

export function configurationRoutes(api: Api, exchange: Exchange): void {
  const { management } = exchange

  api.get(
    '/configuration',
    configuration('viewer', 'exportConfiguration', 'All that is managed as a declaration, without secrets', {
      response: { 200: schemas.Declaration },
    }),
    async (_request, reply) => {
      const sizeOf = (id: string) => management.dataPlane.lunState(id).sizeBytes
      return exchange.tag(reply, taggedConfiguration, exportDeclaration(management.read(), sizeOf))
    },
  )

  api.post(
    '/configuration/plan',
    {
      ...configuration('administrator', 'planConfiguration', 'What applying a declaration would change', {
        body: schemas.PlanRequest,
        response: { 200: schemas.Plan },
      }),
      bodyLimit: BODY_BYTES_MAX,
    },
    async (request, reply) => {
      const { declaration, ...options } = request.body
      const changes = planDeclaration(management, declaration, options as DeclarationOptions)
      return exchange.tag(reply, taggedConfiguration, { changes: changes.map(changeBody) })
    },
  )

  api.post(
    '/configuration/apply',
    {
      ...configuration(
        'administrator',
        'applyConfiguration',
        'Make the array what a declaration says, all or nothing',
        {
          body: schemas.PlanRequest,
          response: { 200: schemas.Applied },
        },
      ),
      bodyLimit: BODY_BYTES_MAX,
    },
    async (request, reply) => {
      const { declaration, ...options } = request.body
      const applicant = { actor: actorOf(request), precondition: exchange.precondition(request, taggedConfiguration) }
      const { changes, configuration: applied } = await applyDeclaration(
        management,
        applicant,
        declaration,
        options as DeclarationOptions,
      )
      const body = { changes: changes.map(changeBody), generation: applied.generation }
      return exchange.tag(reply, taggedConfiguration, body, { configuration: applied })
    },
  )
}

const changeBody = ({ properties, ...change }: PlannedChange) => ({ ...change, properties: [...properties] })
