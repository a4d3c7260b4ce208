/**
 * COMPARE AND WRITE as clusters use it: processes of two hosts count in one block, and lock another block as VMFS does
 * with it (atomic test and set) around a counter that is read and written by ordinary commands. No increment gets lost,
 * and whoever loses a race is told so.
 */

import { closeSync, openSync, readSync } from 'node:fs'
import type { Scenario } from '../scenario.ts'
import { SG_FUNCTIONS } from '../sg3-utils.ts'

const HOSTS = ['one', 'two']
const PROCESSES_PER_HOST = 2
const INCREMENTS_PER_PROCESS = 40
const TURNS_PER_PROCESS = 12
const PROCESS_COUNT = HOSTS.length * PROCESSES_PER_HOST

const BLOCK_BYTES = 512
/** The counter that COMPARE AND WRITE changes, the lock, and the counter that the lock protects. */
const COUNTER_LBA = 4097
const LOCK_LBA = 4098
const PROTECTED_LBA = 4099

export const scenario: Scenario = {
  title:
    'four processes of two hosts contend with sg_compare_and_write for a counter and a lock, and none loses a write',
  isFast: false,
  async run(lab) {
    const disk = lab.file('disk.img')
    const server = await lab.startServer({ directory: lab.directory, args: [disk, '--size', '64M'] })
    const guests = HOSTS.map((name) => ({
      name,
      server,
      initiatorName: `iqn.2026-11.example:${name}`,
      environment: { HOST_NAME: name },
      script: [SG_FUNCTIONS, SCRIPT].join('\n'),
      timeLimitSeconds: 400,
    }))
    const consoles = await lab.runGuests(guests)
    expectNumber(disk, COUNTER_LBA, PROCESS_COUNT * INCREMENTS_PER_PROCESS)
    expectNumber(disk, PROTECTED_LBA, PROCESS_COUNT * TURNS_PER_PROCESS)
    for (const what of ['increment', 'lock']) {
      const lost = consoles.flatMap((text) => [...text.matchAll(new RegExp(`lost (\\d+) races for the ${what}`, 'g'))])
      const lostCount = lost.reduce((sum, [, count]) => sum + Number(count), 0)
      lab.tell(`${lostCount} races lost for the ${what}`)
      if (lost.length !== PROCESS_COUNT || lostCount === 0) throw new Error(`nobody contended for the ${what}`)
    }
  },
}

/** What is in the file itself, behind the back of the server. */
function expectNumber(path: string, lba: number, wanted: number): void {
  const block = Buffer.alloc(BLOCK_BYTES)
  const file = openSync(path, 'r')
  try {
    readSync(file, block, 0, BLOCK_BYTES, lba * BLOCK_BYTES)
  } finally {
    closeSync(file)
  }
  const found = block.toString('latin1').replace(/\0+$/, '').trimEnd()
  if (found !== String(wanted)) throw new Error(`the counter in block ${lba} is ${found} instead of ${wanted}`)
}

const SCRIPT = `
node_record 10.0.2.2
log_in 10.0.2.2
device=$(disk)
lun=$(sg_node "$device")

# block_of TEXT: a block with a line of text in it, or with nothing.
block_of() { printf '%-${BLOCK_BYTES - 1}s\\n' "$1"; }
read_block() { dd if="$device" bs=${BLOCK_BYTES} skip="$1" count=1 iflag=direct 2>/dev/null; }
write_block() { dd of="$device" bs=${BLOCK_BYTES} seek="$1" count=1 iflag=fullblock oflag=direct 2>/dev/null; }

# swap LBA OLD NEW: whether the block had the text OLD and got NEW; that it had not may be said by MISCOMPARE only.
swap() {
  block_of "$2" >"/tmp/$process.swap"
  block_of "$3" >>"/tmp/$process.swap"
  status=0
  sg_compare_and_write --in="/tmp/$process.swap" --lba="$1" "$lun" >"/tmp/$process.said" 2>&1 || status=$?
  case $status in
    0) return 0 ;;
    $MISCOMPARE)
      grep -q 'Miscompare at byte offset' "/tmp/$process.said" || fail "no offset: $(cat "/tmp/$process.said")"
      return 1
      ;;
    *) fail "status $status of sg_compare_and_write: $(cat "/tmp/$process.said")" ;;
  esac
}

count_up() {
  won=0
  lost=0
  while [ "$won" -lt ${INCREMENTS_PER_PROCESS} ]; do
    number=$(read_block ${COUNTER_LBA} | tr -d ' \\n')
    if swap ${COUNTER_LBA} "$number" $((number + 1)); then won=$((won + 1)); else lost=$((lost + 1)); fi
  done
  echo "$process lost $lost races for the increment"
}

take_turns() {
  turns=0
  lost=0
  while [ "$turns" -lt ${TURNS_PER_PROCESS} ]; do
    until swap ${LOCK_LBA} free "$process"; do lost=$((lost + 1)); done
    number=$(read_block ${PROTECTED_LBA} | tr -d ' \\n')
    block_of $((number + 1)) | write_block ${PROTECTED_LBA}
    swap ${LOCK_LBA} "$process" free || fail "somebody else took the lock of $process"
    turns=$((turns + 1))
  done
  echo "$process lost $lost races for the lock"
}

# together COMMAND: in all processes of all hosts at the same time.
together() {
  host meet
  pids=
  for number in $(seq ${PROCESSES_PER_HOST}); do
    (
      process=$HOST_NAME-$number
      "$1"
    ) &
    pids="$pids $!"
  done
  for pid in $pids; do wait "$pid" || fail "a process failed in $1"; done
  host meet
}

if [ "$HOST_NAME" = ${HOSTS[0]} ]; then
  for lba in ${COUNTER_LBA} ${PROTECTED_LBA}; do block_of 0 | write_block "$lba"; done
  block_of free | write_block ${LOCK_LBA}
fi
step 'a counter'
together count_up
[ "$(read_block ${COUNTER_LBA} | tr -d ' \\n')" -eq ${PROCESS_COUNT * INCREMENTS_PER_PROCESS} ] || fail 'increments got lost'
step 'a lock'
together take_turns
[ "$(read_block ${PROTECTED_LBA} | tr -d ' \\n')" -eq ${PROCESS_COUNT * TURNS_PER_PROCESS} ] || fail 'turns got lost'
log_out 10.0.2.2
`
