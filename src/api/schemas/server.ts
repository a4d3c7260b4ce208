/** The provider, the sub-system, import targets, discovery users, tokens, the audit log and health. */

import { Type } from 'typebox'
import { FriendlyName, HostName, Id, IscsiName, nullable, request, Status, Time } from './common.ts'

export const Provider = Type.Object(
  {
    id: Id,
    name: Type.String(),
    versionId: Id,
    version: Type.String(),
    type: Type.Integer({ description: 'VDS_PROVIDER_TYPE' }),
    flags: Type.Integer(),
    stripeSizeFlags: Type.Integer(),
    rebuildPriority: Type.Integer(),
  },
  { title: 'Provider' },
)

export const SubSystem = Type.Object(
  {
    id: Id,
    friendlyName: Type.String(),
    identification: Type.String({ description: "The array's serial number" }),
    flags: Type.Integer({ description: 'VDS_SF_' }),
    status: Type.String(),
    reason: nullable(Type.String()),
    health: Type.String(),
  },
  { title: 'SubSystem' },
)
export const SubSystemChange = request(
  { friendlyName: Type.Optional(FriendlyName), status: Type.Optional(Status) },
  { minProperties: 1 },
)
export const MaxLunSizeQuery = request({
  type: Type.Optional(Type.String({ maxLength: 32, description: 'VDS_LUN_TYPE, such as simple' })),
})
export const MaxLunSize = Type.Object({ sizeBytes: Type.Integer() }, { title: 'MaxLunSize' })

export const ImportTarget = Type.Object({ host: Type.String(), iscsiName: Type.String() }, { title: 'ImportTarget' })
export const ImportTargetRequest = request({ iscsiName: IscsiName })
export const HostPath = request({ host: HostName })

export const Token = Type.Object(
  {
    id: Id,
    name: Type.String(),
    role: Type.Enum(['viewer', 'operator', 'administrator']),
    createdAt: Time,
    lastUsedAt: nullable(Time),
  },
  { title: 'Token' },
)
export const NewToken = Type.Object(
  { ...Token.properties, token: Type.String({ description: 'Shown this once' }) },
  { title: 'NewToken' },
)
export const TokenRequest = request({
  name: Type.String({ pattern: '^[A-Za-z0-9._@-]{1,64}$', description: 'letters, digits and ._@-' }),
  role: Type.Enum(['viewer', 'operator', 'administrator']),
})

export const AuditRecord = Type.Object(
  {
    id: Type.Integer({ description: 'Grows with every record' }),
    at: Time,
    actor: Type.String(),
    role: Type.String(),
    method: Type.String(),
    objectId: nullable(Type.String()),
    arguments: Type.Record(Type.String(), Type.Any()),
    hresult: Type.String(),
    result: Type.String({ description: 'The name of the HRESULT' }),
    message: nullable(Type.String()),
  },
  { title: 'AuditRecord' },
)
export const AuditQuery = request({
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
  before: Type.Optional(Type.Integer({ minimum: 0 })),
})

export const Health = Type.Object(
  { status: Type.Enum(['ok', 'notReady']), failing: Type.Array(Type.String()) },
  { title: 'Health' },
)
