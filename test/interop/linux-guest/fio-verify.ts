/**
 * fio as people test SANs with it: sizes, depths, engines and ways of access in combinations that cover every pair. What
 * was written is read back in the same sizes at once, and in others after a new login and after a restart of the server
 * under a session.
 */

import type { ServerProcess } from '../../support/server-process.ts'
import { FIO_FUNCTIONS } from './fio.ts'
import type { Lab } from './lab.ts'
import { pairwise } from './pairwise.ts'

/** fio's options of one job, by fio's own names. */
interface Job {
  readonly rw: 'write' | 'randwrite'
  readonly bs: number
  readonly iodepth: number
  readonly ioengine: 'libaio' | 'io_uring'
  readonly direct: 0 | 1
}

const KIB = 1024
const MIB = 1024 * KIB
const DISK_BYTES = 256 * MIB
const JOB_BYTES_MAX = 4 * MIB
/** Fewer have no order, more take their time. */
const JOB_BLOCKS_MIN = 2
const JOB_BLOCKS_MAX = 256

/** Writes and verifies a disk with blocks of this size. */
export async function verifyWithFio(lab: Lab, blockBytes: number): Promise<void> {
  const args = ['--size', String(DISK_BYTES), '--block-size', String(blockBytes)]
  let server: ServerProcess = await lab.startServer({ directory: lab.directory, args })
  const restart = async (): Promise<void> => {
    const { port, directory } = server
    await server.stop()
    server = await lab.startServer({ port, directory, args })
  }
  await lab.runGuest({ server, actions: { restart }, script: verifyScript(blockBytes), timeLimitSeconds: 400 })
}

function verifyScript(blockBytes: number): string {
  const { text, writtenBytes } = jobFile(jobsFor(blockBytes))
  return `${FIO_FUNCTIONS}
node_record 10.0.2.2 node.session.queue_depth 128 node.session.cmds_max 256
log_in 10.0.2.2
device=$(disk)
[ "$(blockdev --getss "$device")" -eq ${blockBytes} ] || fail 'the disk has other blocks'
[ "$(cat /sys/block/\${device##*/}/device/queue_depth)" -eq 128 ] || fail 'the queue is not as deep'
# The longest requests are to need several bursts.
echo 4096 >/sys/block/\${device##*/}/queue/max_sectors_kb
cat >/tmp/jobs.fio <<JOBS
${text}
JOBS

step write and verify
quiet_fio /tmp/jobs.fio

step read back after another login
log_out 10.0.2.2
log_in 10.0.2.2
device=$(disk)
read_back "$device" ${writtenBytes}

step read back after a restart of the server
host restart
read_back "$device" ${writtenBytes}
log_out 10.0.2.2
`
}

/** Every pair that such a disk can have: direct access moves whole blocks. The third size is no power of two. */
function jobsFor(blockBytes: number): readonly Job[] {
  return pairwise<Job>(
    {
      rw: ['randwrite', 'write'],
      bs: [512, 4 * KIB, 12 * KIB, 64 * KIB, MIB, 4 * MIB],
      iodepth: [1, 8, 32, 128],
      ioengine: ['io_uring', 'libaio'],
      direct: [1, 0],
    },
    ({ bs, direct }) => direct === 0 || bs % blockBytes === 0,
  )
}

/** The jobs one after the other, each on the part of the disk that follows the one before, all of it written. */
function jobFile(jobs: readonly Job[]): { text: string; writtenBytes: number } {
  let offset = 0
  const sections = jobs.map((job, index) => {
    const blocks = Math.min(JOB_BLOCKS_MAX, Math.max(JOB_BLOCKS_MIN, Math.ceil(JOB_BYTES_MAX / job.bs)))
    const place = { offset, size: blocks * job.bs }
    offset += place.size
    return section(`job-${index}`, { ...job, ...place })
  })
  const verification = { verify: 'crc32c', verify_interval: 512, verify_fatal: 1 }
  const global = section('global', { filename: '$device', stonewall: 1, ...verification })
  return { text: [global, ...sections].join('\n\n'), writtenBytes: offset }
}

function section(name: string, options: object): string {
  return [`[${name}]`, ...Object.entries(options).map(([option, value]) => `${option}=${value}`)].join('\n')
}
