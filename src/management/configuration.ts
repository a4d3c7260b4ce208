/**
 * The configuration of the storage array as one immutable value: what `store/` keeps, what operations turn into the next
 * one, and what the data plane is told to serve. Two of them can be compared, so a plan is a difference and an apply is one
 * commit.
 *
 * Invariants: every id that a record names is in the configuration; a portal is in at most one portal group of a target;
 * portal group tags are unique within a target, logical unit numbers too; target names are unique without regard to case.
 */

import type { DeviceType } from '../../scsi/device-type.ts'

/** A VDS_OBJECT_ID: a random GUID in lower case, without braces. */
export type ObjectId = string

/**
 * Who made an object: `commandLine` ones are there as long as the command line of `lunette serve` says so, `managed` ones
 * until they are deleted.
 */
export type Origin = 'managed' | 'commandLine'

export interface Configuration {
  /** Grows with every commit; the ETag of the whole. */
  readonly generation: number
  readonly subSystem: SubSystemRecord
  readonly luns: ReadonlyMap<ObjectId, LunRecord>
  readonly targets: ReadonlyMap<ObjectId, TargetRecord>
  readonly portals: ReadonlyMap<ObjectId, PortalRecord>
  /** The import target of each computer, by its name in lower case. */
  readonly importTargets: ReadonlyMap<string, ObjectId>
}

export interface SubSystemRecord {
  readonly id: ObjectId
  readonly friendlyName: string
  /** The array's serial number (pwszIdentification). */
  readonly identification: string
  readonly status: 'online' | 'offline'
  /** VDS_SF_SUPPORTS_SIMPLE_TARGET_CONFIG: targets come with LUNs and cannot be created. */
  readonly hasSimpleTargetConfig: boolean
  /** Who may ask for targets (SendTargets); empty for everybody. */
  readonly discoveryUsers: readonly ChapUser[]
}

/** Who sees a LUN through the targets that it is associated with. */
export interface UnmaskList {
  /** `*` for everyone, otherwise normalised iSCSI names; none for nobody. */
  readonly initiators: '*' | readonly string[]
  /** Addresses and CIDR blocks that initiators have to come from; none for any. */
  readonly networks: readonly string[]
  /** Normalised names, or `*`: they may read only. */
  readonly readOnlyInitiators: '*' | readonly string[]
}

export interface LunRecord {
  readonly id: ObjectId
  readonly origin: Origin
  readonly friendlyName: string
  /** IVdsLunNumber: array-wide, for people; not the SCSI LUN. */
  readonly number: number
  /** The file that holds its blocks: relative to the data directory if it lies inside, otherwise absolute. */
  readonly path: string
  readonly format: 'raw'
  readonly deviceType: DeviceType
  readonly blockLengthBytes: 512 | 2048 | 4096
  readonly physicalBlockBytes: number
  readonly isRemovable: boolean
  readonly isReadOnly: boolean
  /** The medium of a removable LUN is out; `path` is the one that was in it last. */
  readonly isEjected: boolean
  /** VPD page 80h; never used again for another LUN. */
  readonly serialNumber: string
  /** 8 bytes as 16 hexadecimal digits. */
  readonly naa: string
  readonly status: 'online' | 'offline'
  readonly unmask: UnmaskList
}

/** The name that an initiator gives as CHAP_N, and its secret. */
export interface ChapUser {
  readonly user: string
  readonly secret: Buffer
  /** Normalised names of the initiators that may use it; any when empty. */
  readonly initiatorNames: readonly string[]
}

export interface TargetRecord {
  readonly id: ObjectId
  readonly origin: Origin
  /** Normalised (RFC 3722). */
  readonly iscsiName: string
  /** TargetAlias. */
  readonly friendlyName: string
  readonly portalGroups: readonly PortalGroupRecord[]
  /** Associated LUNs with their numbers on this target, which stay as long as the association does. */
  readonly luns: ReadonlyMap<ObjectId, number>
  /** SetSharedSecret without an initiator: what any initiator has to prove, under its own iSCSI name. */
  readonly sharedSecret: Buffer | null
  /** SetSharedSecret for one initiator, and further users. */
  readonly chapUsers: readonly ChapUser[]
  /** RememberInitiatorSharedSecret: what the target proves to that initiator, by its normalised name; `*` for all others. */
  readonly rememberedSecrets: ReadonlyMap<string, MutualSecret>
}

/** What the target proves itself with: the name it gives as CHAP_N, by default its iSCSI name. */
export interface MutualSecret {
  readonly user: string | null
  readonly secret: Buffer
}

export interface PortalGroupRecord {
  readonly id: ObjectId
  /** 1 to 65535; on the command line also 0. */
  readonly tag: number
  readonly portalIds: readonly ObjectId[]
}

export interface PortalRecord {
  readonly id: ObjectId
  readonly origin: Origin
  /** An IPv4 address, an IPv6 address without brackets, or a host name. */
  readonly host: string
  /** 0 for any that is free, found anew at every start. */
  readonly port: number
  readonly hasTls: boolean
  readonly status: 'online' | 'offline'
}
