/** LUNs: disks and CDs, who sees them, and the targets that they are behind. */

import { Type } from 'typebox'
import {
  Bytes,
  Counters,
  FriendlyName,
  Id,
  IscsiName,
  nullable,
  Origin,
  ReportedStatus,
  request,
  Status,
} from './common.ts'

const LIST_ENTRIES_MAX = 1024

const Initiators = Type.Union([Type.Literal('*'), Type.Array(IscsiName, { maxItems: LIST_ENTRIES_MAX })])
const Networks = Type.Array(Type.String({ maxLength: 64, description: 'an IP address or a CIDR block' }), {
  maxItems: LIST_ENTRIES_MAX,
})

/** Whoever is not in `initiators` sees nothing; what is left out is empty, so it replaces all of the mask. */
export const MaskRequest = request({
  initiators: Initiators,
  networks: Type.Optional(Networks),
  readOnlyInitiators: Type.Optional(Initiators),
})

const Mask = Type.Object({ initiators: Initiators, networks: Networks, readOnlyInitiators: Initiators })

export const Association = Type.Object(
  {
    targetId: Id,
    lun: Type.Integer({ description: 'The logical unit number that initiators of this target see' }),
  },
  { title: 'Association' },
)

export const Lun = Type.Object(
  {
    id: Id,
    origin: Origin,
    friendlyName: Type.String(),
    number: Type.Integer({ description: 'For people; initiators see those in targets' }),
    path: Type.String({ description: 'The file, relative to the data directory or absolute' }),
    deviceType: Type.String(),
    blockLengthBytes: Type.Integer(),
    physicalBlockBytes: Type.Integer(),
    isRemovable: Type.Boolean(),
    isReadOnly: Type.Boolean(),
    isEjected: Type.Boolean(),
    serialNumber: Type.String(),
    naa: Type.String(),
    status: ReportedStatus,
    reason: nullable(Type.String({ description: 'Why it failed' })),
    health: Type.String(),
    transitionState: Type.String(),
    sizeBytes: nullable(Type.Integer()),
    allocatedBytes: nullable(Type.Integer()),
    mask: Mask,
    targets: Type.Array(Association),
    counters: Counters,
  },
  { title: 'Lun' },
)

/** Either `sizeBytes` for a new disk or `path` for a file that exists. */
export const LunRequest = request({
  friendlyName: Type.Optional(FriendlyName),
  sizeBytes: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
  path: Type.Optional(Type.String({ minLength: 1, maxLength: 4096, description: 'a file that exists' })),
  blockLengthBytes: Type.Optional(Type.Enum([512, 2048, 4096])),
  physicalBlockBytes: Type.Optional(Type.Integer({ minimum: 512, maximum: 2 ** 20 })),
  deviceType: Type.Optional(Type.Enum(['disk', 'cdDvd'])),
  isReadOnly: Type.Optional(Type.Boolean()),
  isRemovable: Type.Optional(Type.Boolean()),
  mask: Type.Optional(MaskRequest),
})

export const LunChange = request(
  { friendlyName: Type.Optional(FriendlyName), status: Type.Optional(Status) },
  { minProperties: 1 },
)
export const ExtendRequest = request({ bytes: Bytes })
export const ShrinkRequest = request({ bytes: Bytes, mayDiscardData: Type.Optional(Type.Boolean()) })
export const TargetsRequest = request({ targetIds: Type.Array(Id, { maxItems: LIST_ENTRIES_MAX }) })
export const StatusRequest = request({ status: Status })
/** With `force` also if an initiator prevents it. */
export const EjectRequest = request({ force: Type.Optional(Type.Boolean()) })
/** Without a path, what was in it last. */
export const InsertRequest = request({ path: Type.Optional(Type.String({ minLength: 1, maxLength: 4096 })) })
export const DeleteLunQuery = request({ keepStorage: Type.Optional(Type.Boolean()) })

export const Identification = Type.Object(
  {
    version: Type.Integer(),
    deviceType: Type.Integer(),
    deviceTypeModifier: Type.Integer(),
    hasCommandQueueing: Type.Boolean(),
    busType: Type.Integer(),
    vendorId: Type.String(),
    productId: Type.String(),
    productRevision: Type.String(),
    serialNumber: Type.String(),
    diskSignature: Type.String(),
    deviceIdentifiers: Type.Array(
      Type.Object({
        codeSet: Type.Integer(),
        type: Type.Integer(),
        identifier: Type.String({ description: 'hexadecimal' }),
      }),
    ),
  },
  { title: 'Identification' },
)

export const Plex = Type.Object(
  {
    id: Id,
    sizeBytes: nullable(Type.Integer()),
    type: Type.String(),
    status: ReportedStatus,
    health: Type.String(),
    transitionState: Type.String(),
  },
  { title: 'Plex' },
)
