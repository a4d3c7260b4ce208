/** The configuration as a declaration, and what a plan says. */

import { Type } from 'typebox'
import { Declaration } from '../../management/declaration/schema.ts'
import { nullable, request } from './common.ts'

export { Declaration }

export const PlanRequest = request({
  declaration: Declaration,
  onlyTarget: Type.Optional(
    Type.String({ minLength: 1, description: 'the iSCSI name or friendly name of the only target that is changed' }),
  ),
  prune: Type.Optional(Type.Boolean({ description: 'delete what is not declared, LUNs with what is stored in them' })),
})

export const PlannedChange = Type.Object(
  {
    action: Type.Enum(['create', 'change', 'delete']),
    kind: Type.Enum(['subsystem', 'portal', 'lun', 'target']),
    name: Type.String(),
    properties: Type.Array(
      Type.Object({ name: Type.String(), before: nullable(Type.String()), after: nullable(Type.String()) }),
    ),
  },
  { title: 'PlannedChange' },
)

export const Plan = Type.Object({ changes: Type.Array(PlannedChange) }, { title: 'Plan' })
export const Applied = Type.Object(
  { changes: Type.Array(PlannedChange), generation: Type.Integer() },
  { title: 'Applied' },
)
