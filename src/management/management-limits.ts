/**
 * How large the configuration may grow. Each number bounds what one careless or hostile client of the management
 * interfaces can make the server keep and go through; all can be set.
 */

export interface ManagementLimits {
  readonly targetsMax: number
  readonly lunsMax: number
  readonly portalsMax: number
  /** At this many, createPortalGroup answers VDS_S_ALREADY_EXISTS with the oldest. */
  readonly portalGroupsPerTargetMax: number
  /** A logical unit number is below this (SAM-5 4.7.5: the flat space has 14 bits; 8 bits are what every initiator scans). */
  readonly lunsPerTargetMax: number
  /** Names, networks or users in one list. */
  readonly listEntriesMax: number
  /** In UTF-8: what TargetAlias can carry (RFC 7143 6.1). A longer one is cut off with VDS_S_NAME_TRUNCATED. */
  readonly friendlyNameBytesMax: number
  /** How long a call waits for another one's turn to end before it gets VDS_E_ANOTHER_CALL_IN_PROGRESS. */
  readonly turnTimeoutMs: number
  /** Finished jobs that are kept for those who ask later. */
  readonly finishedJobsMax: number
  /** Notifications that wait for one slow subscriber; beyond, they are replaced by one that says: refresh. */
  readonly notificationQueueMax: number
  /** Rows of the audit log; the oldest go. */
  readonly auditRowsMax: number
}

export const MANAGEMENT_LIMITS: ManagementLimits = {
  targetsMax: 1_000,
  lunsMax: 4_096,
  portalsMax: 256,
  portalGroupsPerTargetMax: 16,
  lunsPerTargetMax: 256,
  listEntriesMax: 1_024,
  friendlyNameBytesMax: 255,
  turnTimeoutMs: 2_000,
  finishedJobsMax: 1_000,
  notificationQueueMax: 10_000,
  auditRowsMax: 100_000,
}
