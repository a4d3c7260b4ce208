/**
 * The SCSI device server as a library: targets with logical units over backing stores, for any transport that offers
 * SAM-5's transport protocol services (`TransportServices`).
 */

export type { AccessChange, AccessState, GroupAccess } from './access-states.ts'
export { AllocationMap } from './backing/allocation-map.ts'
export type {
  AllocationExtent,
  BackingCapabilities,
  BackingDone,
  BackingError,
  BackingErrorKind,
  BackingSpace,
  BackingStore,
} from './backing/backing-store.ts'
export { CheckedStore } from './backing/checked.ts'
export { DelayingStore } from './backing/delaying.ts'
export { DiskFileError } from './backing/disk-file.ts'
export { ErrorInjectingStore, type Fault } from './backing/error-injecting.ts'
export { MemoryStore } from './backing/memory.ts'
export { openRawFile, type RawFileOptions } from './backing/raw-file.ts'
export { Command, STATUS, TASK_ATTRIBUTE, type TaskAttribute } from './command.ts'
export { type CopyDirectory, CopyManager, type CopyManagerOptions } from './copy/copy-manager.ts'
export type { AccessPolicy, InitiatorAccess } from './initiator-access.ts'
export { LogicalUnit, type LogicalUnitOptions } from './logical-unit.ts'
export type { LogicalUnitIdentity } from './logical-unit-properties.ts'
export type { Nexus, NexusObserver, TargetPort } from './nexus.ts'
export { ScsiTarget, type ScsiTargetOptions, type TaskManagementDone, type TaskManagementOutcome } from './target.ts'
export { DATA_IN_PIECE_BYTES_MAX, type DataOutSink, type TransportServices } from './transport-services.ts'
