/** Problem details (RFC 9457), as `problems.ts` makes them. */

import { Type } from 'typebox'

export const Problem = Type.Object({
  type: Type.String({ description: 'about:blank, or urn:lunette:hresult:NAME' }),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String({ description: 'What was wrong and what is allowed, for people' }),
  instance: Type.String({ description: 'The path that was asked for' }),
  hresult: Type.Optional(Type.String({ description: 'The HRESULT of the object model, such as 0x80042405' })),
  name: Type.Optional(Type.String({ description: 'Its name, such as VDS_E_OBJECT_NOT_FOUND' })),
  fields: Type.Optional(
    Type.Array(
      Type.Object({
        field: Type.String(),
        problem: Type.String(),
        allowed: Type.Union([Type.String(), Type.Null()]),
      }),
    ),
  ),
})
