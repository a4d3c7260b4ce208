/** The negative control of all scenarios in which fio verifies: one wrong byte on the disk, and they must fail. */

import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { FIO_FUNCTIONS } from '../fio.ts'
import type { Scenario } from '../scenario.ts'

const DISK_BYTES = 64 * 2 ** 20
const WRITTEN_BYTES = 8 * 2 ** 20
/** In the middle of a checksummed block, in the middle of what is written. */
const OFFSET_BYTES = WRITTEN_BYTES / 2 + 300
const CHECKSUMMED_BYTES = 512

export const scenario: Scenario = {
  title: 'fio notices one byte that changed on the disk behind the back of the server',
  isFast: true,
  async run(lab) {
    const disk = lab.file('disk.img')
    const server = await lab.startServer({ args: [disk, '--size', String(DISK_BYTES)] })
    await lab.runGuest({
      server,
      actions: { flip_bit: async () => flipBit(disk, OFFSET_BYTES) },
      script: [FIO_FUNCTIONS, SCRIPT].join('\n'),
    })
  },
}

/** Inverts the lowest bit of the byte there: twice, and the file is what it was. */
function flipBit(path: string, offsetBytes: number): void {
  const file = openSync(path, 'r+')
  try {
    const byte = Buffer.alloc(1)
    readSync(file, byte, 0, 1, offsetBytes)
    byte[0]! ^= 1
    writeSync(file, byte, 0, 1, offsetBytes)
  } finally {
    closeSync(file)
  }
}

const SCRIPT = `
step verified data
node_record 10.0.2.2
log_in 10.0.2.2
device=$(disk)
quiet_fio --name=write --filename="$device" --size=${WRITTEN_BYTES} --rw=randwrite --bs=64k --ioengine=libaio \\
  --iodepth=16 --direct=1 --verify=crc32c --verify_interval=${CHECKSUMMED_BYTES} --verify_fatal=1
read_back "$device" ${WRITTEN_BYTES}

step one byte is wrong
host flip_bit
if read_back "$device" ${WRITTEN_BYTES} >/tmp/read-back; then
  fail 'nobody noticed'
fi
cat /tmp/read-back
grep -q 'crc32c: verify failed at file .* offset ${OFFSET_BYTES - (OFFSET_BYTES % CHECKSUMMED_BYTES)},' /tmp/read-back ||
  fail 'it failed, but not for the wrong byte'

step the byte is right again
host flip_bit
read_back "$device" ${WRITTEN_BYTES}
log_out 10.0.2.2
`
