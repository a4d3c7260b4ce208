/**
 * The enumerations of VDS (vdshwprv.h, vds.h) that this array uses, as the words that the object model says and the numbers
 * that the headers give them. A word that is not in its table is no legal value (E_INVALIDARG); a legal one that a software
 * array cannot do is VDS_E_NOT_SUPPORTED.
 */

/** VDS_SUB_SYSTEM_STATUS (VDS_SSS_). */
export const SUB_SYSTEM_STATUS = {
  unknown: 0,
  online: 1,
  notReady: 2,
  offline: 4,
  failed: 5,
  partiallyManaged: 9,
} as const
export type SubSystemStatus = keyof typeof SUB_SYSTEM_STATUS

/** VDS_LUN_STATUS (VDS_LS_), VDS_LUN_PLEX_STATUS (VDS_LPS_) and VDS_ISCSI_PORTAL_STATUS (VDS_IPS_) have the same values. */
export const OBJECT_STATUS = { unknown: 0, online: 1, notReady: 2, offline: 4, failed: 5 } as const
export type ObjectStatus = keyof typeof OBJECT_STATUS

/** VDS_HEALTH (VDS_H_), as far as a LUN that is one file can have it. */
export const HEALTH = { unknown: 0, healthy: 1, failed: 8 } as const
export type Health = keyof typeof HEALTH

/** VDS_TRANSITION_STATE (VDS_TS_), as far as a LUN that is one file can have it. */
export const TRANSITION_STATE = { unknown: 0, stable: 1, extending: 2, shrinking: 3 } as const
export type TransitionState = keyof typeof TRANSITION_STATE

/** VDS_OBJECT_TYPE (VDS_OT_) of the objects that a provider can have; VDS_NTT_ of notifications has the same numbers. */
export const OBJECT_TYPE = {
  provider: 1,
  subSystem: 30,
  controller: 31,
  drive: 32,
  lun: 33,
  lunPlex: 34,
  port: 35,
  portal: 36,
  target: 37,
  portalGroup: 38,
  storagePool: 39,
} as const
export type ObjectType = keyof typeof OBJECT_TYPE

/** VDS_LUN_TYPE (VDS_LT_). */
export const LUN_TYPE = {
  default: 1,
  faultTolerant: 2,
  nonFaultTolerant: 3,
  simple: 10,
  span: 11,
  stripe: 12,
  mirror: 13,
  parity: 14,
  raid2: 15,
  raid3: 16,
  raid4: 17,
  raid5: 18,
  raid6: 19,
  raid01: 20,
  raid03: 21,
  raid05: 22,
  raid10: 23,
  raid15: 24,
  raid30: 25,
  raid50: 26,
  raid51: 27,
  raid53: 28,
  raid60: 29,
  raid61: 30,
} as const
export type LunType = keyof typeof LUN_TYPE

/** The LUN types that a file can be; with any other the array would promise what it does not do. */
export const SUPPORTED_LUN_TYPES: readonly LunType[] = ['default', 'nonFaultTolerant', 'simple']
/** The types that leave the layout to the provider: only these take hints. */
export const AUTOMAGIC_LUN_TYPES: readonly LunType[] = ['default', 'faultTolerant', 'nonFaultTolerant']

/** VDS_ASYNC_OUTPUT_TYPE (VDS_ASYNCOUT_), of hardware providers. */
export const ASYNC_OUTPUT_TYPE = {
  createLun: 50,
  addLunPlex: 52,
  removeLunPlex: 53,
  extendLun: 54,
  shrinkLun: 55,
  recoverLun: 56,
  createTarget: 62,
  createPortalGroup: 63,
  deleteTarget: 64,
  addPortal: 65,
  removePortal: 66,
  deletePortalGroup: 67,
} as const
export type AsyncOutputType = keyof typeof ASYNC_OUTPUT_TYPE

/** VDS_SUB_SYSTEM_FLAG (VDS_SF_), those that this array sets or can be told to set. */
export const SUB_SYSTEM_FLAG = {
  lunMaskingCapable: 0x1,
  writeThroughCachingCapable: 0x80,
  supportsNonFaultTolerantLuns: 0x400,
  supportsSimpleLuns: 0x800,
  supportsAuthChap: 0x10000,
  supportsAuthMutualChap: 0x20000,
  supportsSimpleTargetConfig: 0x40000,
  supportsLunNumber: 0x80000,
} as const

/** VDS_VSF_: the versions of VDS whose interfaces the provider has. */
export const VERSION_SUPPORT = { vds1_0: 0x01, vds1_1: 0x02, vds2_0: 0x04, vds2_1: 0x08, vds3_0: 0x10 } as const

/** VDS_PROVIDER_TYPE and VDS_HWPROVIDER_TYPE. */
export const PROVIDER_TYPE_HARDWARE = 2
export const HARDWARE_PROVIDER_TYPE_ISCSI = 3

/** VDS_INTERCONNECT_FLAG (VDS_ITF_). */
export const INTERCONNECT_ISCSI = 4

/** VDS_STORAGE_BUS_TYPE. */
export const BUS_TYPE_ISCSI = 9
