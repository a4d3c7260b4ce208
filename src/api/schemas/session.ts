/** Sessions of initiators, and logins that were refused. */

import { Type } from 'typebox'
import { Counters, Id, IscsiName, nullable, request, Time } from './common.ts'

export const Session = Type.Object(
  {
    id: Type.String(),
    kind: Type.Enum(['normal', 'discovery']),
    initiatorName: Type.String(),
    initiatorAlias: Type.String(),
    isid: Type.String(),
    tsih: Type.Integer(),
    targetId: nullable(Type.String()),
    portalGroupTag: nullable(Type.Integer()),
    chapUser: nullable(Type.String({ description: 'CHAP_N that the initiator proved' })),
    beganAt: Time,
    connections: Type.Array(
      Type.Object({
        cid: Type.Integer(),
        localAddress: Type.String(),
        remoteAddress: Type.String(),
        portalId: nullable(Type.String()),
        hasTls: Type.Boolean(),
        headerDigest: Type.String(),
        dataDigest: Type.String(),
      }),
    ),
    parameters: Type.Record(Type.String(), Type.String(), { description: 'Negotiated keys (RFC 7143 chapter 13)' }),
    luns: Type.Array(Type.Object({ lun: Type.Integer(), lunId: Id })),
    counters: Counters,
  },
  { title: 'Session' },
)

export const SessionQuery = request({
  targetId: Type.Optional(Id),
  initiator: Type.Optional(IscsiName),
  lunId: Type.Optional(Id),
})
export const SessionPath = request({ id: Type.String({ minLength: 1, maxLength: 128 }) })

export const LoginRefusal = Type.Object(
  {
    at: Time,
    initiatorName: nullable(Type.String()),
    targetName: nullable(Type.String()),
    remoteAddress: Type.String(),
    status: Type.Integer({ description: 'Status-Class and Status-Detail (RFC 7143 11.13.5)' }),
    reason: Type.String(),
  },
  { title: 'LoginRefusal' },
)
