/** Targets, their portal groups, and which CHAP secrets are set. Secrets go in and never come out. */

import { Type } from 'typebox'
import { FriendlyName, Id, IscsiName, nullable, Origin, request, Secret, UserName } from './common.ts'

export const PortalGroup = Type.Object(
  {
    id: Id,
    targetId: Id,
    tag: Type.Integer({ description: 'TargetPortalGroupTag' }),
    portalIds: Type.Array(Id),
  },
  { title: 'PortalGroup' },
)

export const User = Type.Object({ user: Type.String(), initiatorNames: Type.Array(Type.String()) }, { title: 'User' })

export const Target = Type.Object(
  {
    id: Id,
    origin: Origin,
    iscsiName: Type.String(),
    friendlyName: Type.String({ description: 'TargetAlias' }),
    isChapEnabled: Type.Boolean({ description: 'A secret is needed to log in' }),
    chap: Type.Object({
      hasSharedSecret: Type.Boolean(),
      sharedSecretInitiators: Type.Array(Type.String()),
      users: Type.Array(User),
      remembered: Type.Array(Type.Object({ initiatorName: Type.String(), user: nullable(Type.String()) })),
    }),
    portalGroups: Type.Array(PortalGroup),
  },
  { title: 'Target' },
)

export const TargetRequest = request({
  iscsiName: Type.Optional(IscsiName),
  friendlyName: Type.Optional(FriendlyName),
})
export const TargetChange = request({ friendlyName: FriendlyName })
export const SecretRequest = request({ secret: Secret })
export const RememberedSecretRequest = request({ secret: Secret, user: Type.Optional(UserName) })
export const UserRequest = request({
  secret: Secret,
  initiatorNames: Type.Optional(Type.Array(IscsiName, { maxItems: 1024 })),
})
export const TargetInitiatorPath = request({ id: Id, initiatorName: IscsiName })
export const TargetUserPath = request({ id: Id, user: UserName })
export const PortalGroupPortalPath = request({ id: Id, portalId: Id })
