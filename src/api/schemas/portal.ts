/** Portals: where the server listens for initiators. */

import { Type } from 'typebox'
import { HostName, Id, nullable, Origin, ReportedStatus, request, Status } from './common.ts'

export const Portal = Type.Object(
  {
    id: Id,
    origin: Origin,
    host: Type.String(),
    port: Type.Integer({ description: 'As configured; 0 for any that is free' }),
    listeningPort: nullable(Type.Integer({ description: 'Where it really listens' })),
    hasTls: Type.Boolean(),
    status: ReportedStatus,
    reason: nullable(Type.String()),
    portalGroupIds: Type.Array(Id),
  },
  { title: 'Portal' },
)

export const PortalRequest = request({
  host: HostName,
  port: Type.Optional(Type.Integer({ minimum: 0, maximum: 65_535 })),
  hasTls: Type.Optional(Type.Boolean()),
})
export const PortalChange = request({ status: Status })
