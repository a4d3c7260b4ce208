/** Jobs: asynchronous operations, those that run and those that ended lately. */

import { Type } from 'typebox'
import { Id, nullable, Time } from './common.ts'
import { Lun } from './lun.ts'
import { PortalGroup, Target } from './target.ts'

export const Job = Type.Object(
  {
    id: Id,
    method: Type.String({ description: 'What began it, such as SubSystem.createLun' }),
    outputType: Type.String({ description: 'VDS_ASYNC_OUTPUT_TYPE' }),
    objectId: nullable(Type.String()),
    actor: Type.String(),
    beganAt: Time,
    endedAt: nullable(Time),
    isDone: Type.Boolean(),
    percent: Type.Integer(),
    hresult: Type.String({ description: 'Of the operation; VDS_E_OPERATION_PENDING while it runs' }),
    name: Type.String({ description: 'The name of that HRESULT' }),
    message: nullable(Type.String({ description: 'Why it failed' })),
    output: Type.Union([Lun, Target, PortalGroup, Type.Null()], { description: 'What it made' }),
  },
  { title: 'Job' },
)
