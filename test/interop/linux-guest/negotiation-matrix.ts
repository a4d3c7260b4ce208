/**
 * The operational parameters that an administrator can set for open-iscsi, in combinations that cover every pair of
 * values. In each, the session must have what the two offers come to (RFC 7143 chapter 13), and fio's data must survive
 * writes and reads of sizes around the lengths that were negotiated.
 */

import { LIMITS, loginPreferences } from '../../../src/limits.ts'
import { FIO_FUNCTIONS } from './fio.ts'
import type { Lab } from './lab.ts'
import { pairwise } from './pairwise.ts'

type Digest = 'None' | 'CRC32C'
type Choice = 'Yes' | 'No'

export interface Combination {
  readonly HeaderDigest: Digest
  readonly DataDigest: Digest
  readonly InitialR2T: Choice
  readonly ImmediateData: Choice
  readonly FirstBurstLength: number
  readonly MaxBurstLength: number
  readonly MaxRecvDataSegmentLength: number
  readonly MaxOutstandingR2T: number
}

/** Of three lengths, one is more than the server wants, one no power of two, one small. */
export const COMBINATIONS: readonly Combination[] = pairwise<Combination>(
  {
    HeaderDigest: ['None', 'CRC32C'],
    DataDigest: ['None', 'CRC32C'],
    InitialR2T: ['No', 'Yes'],
    ImmediateData: ['Yes', 'No'],
    FirstBurstLength: [65_024, 4096, 512],
    MaxBurstLength: [16_776_192, 66_048, 4096],
    MaxRecvDataSegmentLength: [262_144, 8704, 512],
    MaxOutstandingR2T: [1, 8],
  },
  ({ FirstBurstLength, MaxBurstLength }) => FirstBurstLength <= MaxBurstLength,
)

/** Where open-iscsi keeps each parameter in a node record. */
const RECORD_KEYS: Readonly<Record<keyof Combination, string>> = {
  HeaderDigest: 'node.conn[0].iscsi.HeaderDigest',
  DataDigest: 'node.conn[0].iscsi.DataDigest',
  InitialR2T: 'node.session.iscsi.InitialR2T',
  ImmediateData: 'node.session.iscsi.ImmediateData',
  FirstBurstLength: 'node.session.iscsi.FirstBurstLength',
  MaxBurstLength: 'node.session.iscsi.MaxBurstLength',
  MaxRecvDataSegmentLength: 'node.conn[0].iscsi.MaxRecvDataSegmentLength',
  MaxOutstandingR2T: 'node.session.iscsi.MaxOutstandingR2T',
}

/** What the session shows of a parameter that only the target's declaration bounds. */
interface Negotiated extends Combination {
  readonly MaxXmitDataSegmentLength: number
}

const DISK_BYTES = 64 * 2 ** 20
const WRITTEN_BYTES = 6 * 2 ** 20
const BLOCK_BYTES = 512
/** The longest request that the guest's kernel sends as one command. */
const REQUEST_BYTES_MAX = 2 ** 20

/** Logs in and out once for each combination, one guest for all of them. */
export async function runCombinations(lab: Lab, combinations: readonly Combination[]): Promise<void> {
  const server = await lab.startServer({ args: ['--size', String(DISK_BYTES)] })
  const script = [FIO_FUNCTIONS, EXPECTATIONS, ...combinations.map(combinationScript)].join('\n')
  await lab.runGuest({ server, script, timeLimitSeconds: 120 + 45 * combinations.length })
}

const EXPECTATIONS = `
# expect_negotiated NAME VALUE: the only session has it.
expect_negotiated() {
  grep -q "^[[:space:]]*$1: $2\\$" /tmp/session || fail "$1 is not $2 but $(grep "$1:" /tmp/session)"
}

# expect_no_recovery: the session has never been lost; the initiator would repair that without a word.
expect_no_recovery() {
  ! dmesg | grep -E 'connection[0-9:]+ |digest' || fail 'a connection had to be recovered'
}
`

function combinationScript(combination: Combination): string {
  const entries = Object.entries(combination) as [keyof Combination, Combination[keyof Combination]][]
  const settings = entries.map(([name, value]) => `'${RECORD_KEYS[name]}' ${value}`)
  const expected = Object.entries(negotiatedWithServer(combination))
  const sizes = blockSizes(combination).join('/:')
  return `
step ${entries.map(([name, value]) => `${name}=${value}`).join(' ')}
node_record 10.0.2.2 ${settings.join(' ')}
log_in 10.0.2.2
iscsiadm -m session -P 2 >/tmp/session
${expected.map(([name, value]) => `expect_negotiated ${name} ${value}`).join('\n')}
device=$(disk)
# Each request of fio is to become one command.
queue=/sys/block/\${device##*/}/queue
echo none >$queue/scheduler
echo 2 >$queue/nomerges
echo ${REQUEST_BYTES_MAX / 1024} >$queue/max_sectors_kb
quiet_fio --name=sizes --filename="$device" --size=${WRITTEN_BYTES} --rw=write --bssplit=${sizes}/ \\
  --ioengine=libaio --iodepth=8 --direct=1 --verify=crc32c --verify_interval=${BLOCK_BYTES} --verify_fatal=1
read_back "$device" ${WRITTEN_BYTES}
expect_no_recovery
log_out 10.0.2.2
`
}

/** The results of the negotiation with the server's preferences: each key by its own rule (RFC 7143 chapter 13). */
function negotiatedWithServer(offer: Combination): Negotiated {
  const { session, connection } = loginPreferences(LIMITS)
  return {
    ...offer,
    InitialR2T: offer.InitialR2T === 'Yes' || session.initialR2T ? 'Yes' : 'No',
    ImmediateData: offer.ImmediateData === 'Yes' && session.immediateData ? 'Yes' : 'No',
    FirstBurstLength: Math.min(offer.FirstBurstLength, session.firstBurstLength),
    MaxBurstLength: Math.min(offer.MaxBurstLength, session.maxBurstLength),
    MaxOutstandingR2T: Math.min(offer.MaxOutstandingR2T, session.maxOutstandingR2T),
    MaxXmitDataSegmentLength: connection.targetMaxRecvDataSegmentLength,
  }
}

/** A block, the longest request, and each negotiated length with a block less and a block more. */
function blockSizes(combination: Combination): number[] {
  const { FirstBurstLength, MaxBurstLength, MaxRecvDataSegmentLength } = negotiatedWithServer(combination)
  const around = [FirstBurstLength, MaxBurstLength, MaxRecvDataSegmentLength].flatMap((length) => [
    length - BLOCK_BYTES,
    length,
    length + BLOCK_BYTES,
  ])
  const sizes = [BLOCK_BYTES, ...around, REQUEST_BYTES_MAX].filter((size) => size > 0 && size <= REQUEST_BYTES_MAX)
  return [...new Set(sizes)].sort((a, b) => a - b)
}
