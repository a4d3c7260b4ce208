/**
 * The declarative form of the configuration (`san.yaml`): one TypeBox schema checks it, types it and is published as JSON
 * Schema. What a declaration does not mention stays as it is; a list that it gives is the whole list. Secrets come in and
 * never go out: an export says `unchanged` in their place.
 */

import { type Static, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { VdsError } from '../hresult.ts'

/** In place of a secret: the one that is there stays. Too short to be one. */
export const UNCHANGED = 'unchanged'

const STRICT = { additionalProperties: false } as const

const Status = Type.Union([Type.Literal('online'), Type.Literal('offline')])
const InitiatorNames = Type.Union([Type.Literal('*'), Type.Array(Type.String())], {
  description: 'iSCSI names, or * for every initiator',
})
const Secret = Type.String({
  minLength: 1,
  description: `a CHAP secret as text or as base64:..., or "${UNCHANGED}" for the one that is there`,
})
const Id = Type.String({ description: 'which object is meant, where its name does not tell' })

export const DeclaredUser = Type.Object(
  {
    user: Type.String(),
    initiators: Type.Optional(Type.Array(Type.String(), { description: 'who may use it; any when empty or left out' })),
    secret: Secret,
  },
  STRICT,
)

export const DeclaredPortal = Type.Object(
  {
    id: Type.Optional(Id),
    host: Type.String({ description: 'an IP address without brackets, or a host name' }),
    port: Type.Integer({ minimum: 0, maximum: 65_535 }),
    hasTls: Type.Optional(Type.Boolean()),
    status: Type.Optional(Status),
  },
  STRICT,
)

export const DeclaredMask = Type.Object(
  {
    initiators: InitiatorNames,
    networks: Type.Optional(
      Type.Array(Type.String(), { description: 'addresses or blocks; any when empty or left out' }),
    ),
    readOnlyInitiators: Type.Optional(InitiatorNames),
  },
  STRICT,
)

export const DeclaredLun = Type.Object(
  {
    id: Type.Optional(Id),
    name: Type.String({ description: 'its friendly name' }),
    size: Type.Optional(
      Type.Union([Type.Integer({ minimum: 1 }), Type.String()], {
        description: 'bytes, or a number with K, M, G, T or P (powers of 1024); a LUN that is smaller grows',
      }),
    ),
    path: Type.Optional(
      Type.String({ description: 'a file that exists, absolute or relative to the data directory; instead of a size' }),
    ),
    deviceType: Type.Optional(Type.Union([Type.Literal('disk'), Type.Literal('cdDvd')])),
    blockLengthBytes: Type.Optional(Type.Integer()),
    physicalBlockBytes: Type.Optional(Type.Integer()),
    isReadOnly: Type.Optional(Type.Boolean()),
    isRemovable: Type.Optional(Type.Boolean()),
    status: Type.Optional(Status),
    mask: Type.Optional(DeclaredMask),
  },
  STRICT,
)

export const DeclaredChap = Type.Object(
  {
    sharedSecret: Type.Optional(
      Type.Union([Type.Object({ secret: Secret }, STRICT), Type.Null()], {
        description: 'what every initiator proves under its own name; null for none',
      }),
    ),
    users: Type.Optional(Type.Array(DeclaredUser)),
    remembered: Type.Optional(
      Type.Array(
        Type.Object(
          {
            initiator: Type.String({ description: 'an iSCSI name, or * for all others' }),
            user: Type.Optional(Type.String()),
            secret: Secret,
          },
          STRICT,
        ),
        { description: 'what the target proves to initiators' },
      ),
    ),
  },
  STRICT,
)

export const DeclaredTarget = Type.Object(
  {
    iscsiName: Type.String(),
    friendlyName: Type.Optional(Type.String()),
    portalGroups: Type.Optional(
      Type.Array(
        Type.Object(
          {
            tag: Type.Integer({ minimum: 1, maximum: 65_535 }),
            portals: Type.Array(Type.String({ description: 'HOST:PORT, or the id of a portal' })),
          },
          STRICT,
        ),
      ),
    ),
    luns: Type.Optional(
      Type.Array(
        Type.Object(
          {
            name: Type.String({ description: 'the name of a LUN, or its id' }),
            number: Type.Optional(Type.Integer({ minimum: 0, description: 'the lowest that is free when left out' })),
          },
          STRICT,
        ),
      ),
    ),
    chap: Type.Optional(DeclaredChap),
  },
  STRICT,
)

export const Declaration = Type.Object(
  {
    subsystem: Type.Optional(
      Type.Object({ friendlyName: Type.Optional(Type.String()), status: Type.Optional(Status) }, STRICT),
    ),
    discoveryUsers: Type.Optional(Type.Array(DeclaredUser)),
    portals: Type.Optional(Type.Array(DeclaredPortal)),
    luns: Type.Optional(Type.Array(DeclaredLun)),
    targets: Type.Optional(Type.Array(DeclaredTarget)),
    importTargets: Type.Optional(Type.Array(Type.Object({ host: Type.String(), iscsiName: Type.String() }, STRICT))),
  },
  { ...STRICT, title: 'Declaration' },
)

export type Declaration = Static<typeof Declaration>
export type DeclaredUser = Static<typeof DeclaredUser>
export type DeclaredPortal = Static<typeof DeclaredPortal>
export type DeclaredMask = Static<typeof DeclaredMask>
export type DeclaredLun = Static<typeof DeclaredLun>
export type DeclaredChap = Static<typeof DeclaredChap>
export type DeclaredTarget = Static<typeof DeclaredTarget>

let check: ReturnType<typeof Compile<typeof Declaration>> | null = null

/** Errors: E_INVALIDARG, naming the places that are wrong. */
export function readDeclaration(given: unknown): Declaration {
  check ??= Compile(Declaration)
  if (check.Check(given)) return given
  const places = [...check.Errors(given)].map(({ instancePath, message }) => `${instancePath || '/'} ${message}`)
  throw new VdsError('E_INVALIDARG', `the declaration is not valid: ${[...new Set(places)].slice(0, 5).join('; ')}`)
}

/** What `san.yaml` itself is checked against: secrets are named by the files that hold them. */
export function fileSchema(): object {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    ...(withSecretFiles(JSON.parse(JSON.stringify(Declaration))) as object),
    title: 'san.yaml',
  }
}

interface ObjectSchema {
  readonly properties?: Readonly<Record<string, unknown>>
  readonly required?: readonly string[]
}

function withSecretFiles(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withSecretFiles)
  if (typeof schema !== 'object' || schema === null) return schema
  const inner = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, withSecretFiles(value)]))
  const { properties, required = [] } = inner as ObjectSchema
  if (properties?.secret === undefined) return inner
  return {
    ...inner,
    properties: {
      ...properties,
      secret: { const: UNCHANGED, description: 'the secret that is there stays' },
      secretFile: { type: 'string', description: 'a file with the secret on its only line, relative to this file' },
    },
    required: required.filter((name) => name !== 'secret'),
    oneOf: [{ required: ['secret'] }, { required: ['secretFile'] }],
  }
}
