/**
 * The device types that a logical unit can have (SPC-3 6.4.2, PERIPHERAL DEVICE TYPE). The command table, the mode pages
 * and the VPD pages say of each row which of them it belongs to.
 */

export type DeviceType = 'disk' | 'cdDvd'

/** PERIPHERAL DEVICE TYPE: a direct access block device (SBC-3), a CD or DVD device (MMC-5). */
export const PERIPHERAL_DEVICE_TYPE = { disk: 0x00, cdDvd: 0x05 } as const satisfies Record<DeviceType, number>

export const DISK_ONLY: readonly DeviceType[] = ['disk']
export const CD_DVD_ONLY: readonly DeviceType[] = ['cdDvd']
export const EVERY_DEVICE_TYPE: readonly DeviceType[] = ['disk', 'cdDvd']

/** The block lengths that a device type can have, in bytes; those of a CD's and a DVD's data sectors are given. */
export const BLOCK_LENGTHS_BYTES = { disk: [512, 4096], cdDvd: [2048] } as const satisfies Record<
  DeviceType,
  readonly number[]
>
