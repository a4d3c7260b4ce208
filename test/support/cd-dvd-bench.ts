/** A CD or DVD device with a disc, or a removable disk, for device server tests. */

import type { BackingStore } from '../../scsi/backing/backing-store.ts'
import type { DeviceType } from '../../scsi/device-type.ts'
import { LogicalUnit } from '../../scsi/logical-unit.ts'
import { ScsiTarget } from '../../scsi/target.ts'
import { TEST_IDENTITY, type TestBench, TestInitiator, testBench } from './scsi-initiator.ts'
import { TestStore } from './scsi-store.ts'

export const CD_BLOCK_BYTES = 2048

/** A CD with `blockCount` blocks that hold a pattern. */
export function cdBench(blockCount = 256): TestBench {
  return testBench({ deviceType: 'cdDvd', blockLengthBytes: CD_BLOCK_BYTES, blockCount })
}

/** A logical unit of this type with any commands that it has. */
export function benchOf(deviceType: DeviceType): TestBench {
  return deviceType === 'cdDvd' ? cdBench() : testBench()
}

/** A disc of any size that nobody reads, or none; and an initiator past its unit attentions. */
export function driveWith(blockCount: number | null) {
  const store = blockCount === null ? null : new LargeDisc(blockCount * CD_BLOCK_BYTES)
  const options = { identity: TEST_IDENTITY, blockLengthBytes: CD_BLOCK_BYTES, isReadOnly: true } as const
  const logicalUnit = new LogicalUnit({ ...options, deviceType: 'cdDvd' }, store as BackingStore | null)
  const target = new ScsiTarget({
    logicalUnits: new Map([[0, logicalUnit]]),
    onInternalError: (error) => {
      throw error
    },
  })
  const initiator = new TestInitiator(target)
  initiator.send([0x03])
  return { logicalUnit, target, initiator }
}

/** Reads as zeroes, and takes no memory. */
class LargeDisc extends TestStore {
  override readonly sizeBytes: number

  constructor(sizeBytes: number) {
    super(CD_BLOCK_BYTES, { readOnly: true, volatileWriteCache: false, thin: false })
    this.sizeBytes = sizeBytes
  }
}
